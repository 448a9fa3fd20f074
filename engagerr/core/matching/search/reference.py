"""The reference of the filters as Markdown, made from the registry itself."""

from __future__ import annotations

from itertools import groupby

from engagerr.core.matching.search.filters import Filter, filters

_PREFACE = """\
# Filters

What `engagerr search creators EXPRESSION` (and `work.search.creators`) can ask of a creator.

## The language

```text
followers >= 20k and not (country in DE, AT) and topic ~ cooking and engagement.by_views > 3%
audience.country.DE >= 30% and last_post < 14d and available 2027-03-01..2027-04-30
not conflicts(sports, DE, 2027-03-01..2027-04-30, for Trailhead) or rate.youtube_integration.EUR <= 2500
```

- Tests are joined by `and`, `or`, `not` and brackets, 40 deep at most; `and` binds closer than `or`.
- `=`, `!=`, `<`, `<=`, `>`, `>=`; `in` a list, or in a range (`followers in 10k..50k`); `~` has it somewhere within.
  A flag stands alone: `represented`. `is known` and `is missing` go with every filter.
- Numbers: `20000`, `20k`, `1.5m`. Shares: `3%` or `0.03`. Ages: `14d`, `2w`, `6mo`, `1y`, `12h`. Lengths: `90s`,
  `8min`. Days: `2027-03-01`; several: `2027-03-01..2027-04-30`, both within. Amounts are in major units of the
  currency that the filter names, and never converted. Words with blanks stand in quotes. Letter case says nothing.
- As JSON: `{"all": […]}`, `{"any": […]}`, `{"not": …}`, `{"filter": "followers", "is": ">=", "value": 20000}`.

## What is missing

A test of a figure that is missing is neither true nor false, and its `not` is not either. Whoever can for that reason
not be said to be meant is left out, and counted by figure and state. `--include-missing FIGURE` (`*` is all) lets them
in. The states are those of observations (`not_reported`, `not_applicable`, `suppressed`, `expired`,
`permission_denied`), and `not_observed` (nobody ever looked), `too_few` (too few pieces for a figure) and `no_model`
(nothing here reads it).

Rates and terms can be asked only by whom the role lets read them. A listing of the marketplace has the filters that are
marked public.

## All of them
"""


def filters_reference_markdown() -> str:
    """docs/reference/filters.md: every filter by group, with its operators, its unit and an example."""
    lines = [_PREFACE]
    for group, found in groupby(filters(), key=lambda one: one.group):
        lines += [
            f"### {group[0].upper()}{group[1:]}", "", "| filter | is | goes with | meaning | example |",
            "| --- | --- | --- | --- | --- |",
        ]  # fmt: skip
        lines += [_line(one) for one in found]
        lines.append("")
    return "\n".join(lines)


_WAYS = {"flag": "alone", "range": "`FROM..TO`", "call": "`(…)`"}


def _line(one: Filter) -> str:
    ways = " ".join(_WAYS.get(way, f"`{way}`") for way in one.operators)
    marks = ", ".join(
        mark for mark, holds in (("public", one.public), ("terms and rates", one.terms), (one.unit, one.unit)) if holds
    )
    meaning = f"{one.help} ({marks})" if marks else one.help
    return f"| `{one.name}` | {one.kind.value} | {ways} | {meaning} | `{one.example}` |"
