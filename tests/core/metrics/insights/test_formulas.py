"""The named formulas as data: complete, cited, free of contradictions; and the tiers."""

from __future__ import annotations

import pytest
from engagerr.core.errors import InvalidInput
from engagerr.core.metrics.dataset import HEADLINES
from engagerr.core.metrics.insights.formulas import (
    BadFormulas,
    Combine,
    Formula,
    Per,
    find_formula,
    formulas,
    read_formulas,
    tier_of,
    tiers,
)

TIERS = """
[tiers]
source = { title = "t", mark = "k" }
bounds = [{ name = "small", below = 10 }, { name = "large" }]
"""


def a_formula(rule: str) -> str:
    return f"""
    [f]
    title = "F"
    vendor = "V"
    version = "1"
    source = {{ title = "s", mark = "k" }}
    [[f.rule]]
    {rule}
    {TIERS}
    """


def test_ours_comes_first_and_at_least_five_vendors_follow() -> None:
    found = formulas()
    assert found[0].id == "engagerr"
    assert len({formula.vendor for formula in found} - {"Engagerr"}) >= 5
    assert len({formula.id for formula in found}) == len(found)


@pytest.mark.parametrize("formula", formulas(), ids=lambda formula: formula.id)
def test_every_formula_is_cited_and_what_was_not_read_is_marked_so(formula: Formula) -> None:
    assert formula.version
    assert set(formula.platforms) <= set(HEADLINES)
    if formula.vendor != "Engagerr":
        assert formula.source.url
        assert formula.source.retrieved_at
    vendor_said_so = formula.vendor.casefold().replace(" ", "") in (formula.source.url or "").replace(
        "stellario", "stellar"
    )
    assert vendor_said_so or formula.source.mark.value != "P" or formula.vendor == "Engagerr"


def test_one_vendor_may_have_a_rule_for_each_platform() -> None:
    modash = find_formula("Modash")
    tiktok, instagram = modash.rule_for("tiktok"), modash.rule_for("instagram")
    assert tiktok is not None
    assert instagram is not None
    assert (tiktok.per, tiktok.combine, str(tiktok.window)) == (Per.VIEWS, Combine.RATIO_OF_SUMS, "60 d")
    assert (instagram.per, instagram.combine) == (Per.FOLLOWERS, Combine.MEDIAN_OF_RATIOS)
    assert modash.rule_for("twitch") is None
    infludata = find_formula("infludata").rule_for("tiktok")
    assert infludata is not None
    assert (infludata.window.posts, infludata.minimum) == (12, 9)
    assert infludata.in_words == "(likes + comments) / views, ratio of sums"


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InvalidInput) as refused:
        find_formula("modahs")
    assert refused.value.hint == "Did you mean modash?"


def a_rule(**changes: str) -> str:
    """A formula with this rule, which is sound but for the changes and the lack of a window."""
    rule = {"platforms": '["x"]', "terms": '["likes"]', "per": '"views"', "combine": '"ratio_of_sums"', **changes}
    return a_formula("\n".join(f"{key} = {value}" for key, value in rule.items()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (a_rule(), "window"),
        (a_rule(days="1", posts="2"), "window"),
        (a_rule(days="1", terms='["hearts"]'), "terms"),
        (a_rule(days="1", platforms='["x", "x"]'), "two rules"),
        (a_rule(posts="3", minimum="4"), "minimum"),
        (a_rule(days="1", per='"plays"'), "read"),
        ("[f]\ntitle = 1", "read"),
        (TIERS.replace('{ name = "large" }', '{ name = "large", below = 9 }'), "tiers"),
    ],
)
def test_contradictions_are_refused(text: str, said: str) -> None:
    with pytest.raises(BadFormulas, match=said):
        read_formulas(text)


def test_a_tier_ends_where_the_next_begins() -> None:
    followers = (0, 9_999, 10_000, 99_999, 100_000, 500_000, 999_999, 1_000_000, 5e8)
    assert [tier_of(count) for count in followers] == [
        "nano", "nano", "micro", "micro", "mid", "macro", "macro", "mega", "mega",
    ]  # fmt: skip
    assert tier_of(None) is None
    assert tier_of(float("nan")) is None
    assert tiers().source.mark.value == "S"
