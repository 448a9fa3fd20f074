"""What a column of an unknown table is held for: by its heading, by what its cells look like, and beside the others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engagerr.core.integrations.formats.csv_text import plain_heading
from engagerr.core.integrations.formats.heading_words import DAY_FIRST_WORDS, DAYS, ROLES, role_inside
from engagerr.core.integrations.formats.mapped_table import IGNORE, duration_of, is_role, moment_of, reference
from engagerr.core.integrations.formats.numbers import months_come_first
from engagerr.core.integrations.formats.table_sample import Sample, as_decimal, fits

_WHOLE_FIT = 0.95
SOME_FIT = 0.8
SURE = 0.75
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{2,4})?")
CURRENCY = re.compile(r"\(([A-Za-z]{3})\)\s*$")
_NOT_COUNTED = re.compile(r"(?:^|[ _])(?:id|ids|no|nr|rank|index|position|row|year)\.?$|^(?:#|s\.no\.?)$")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a column is held for."""

    role: str
    confidence: float
    why: str

    @property
    def sure(self) -> bool:
        """Whether the column is read without asking."""
        return self.confidence >= SURE


def _matches(wanted: Callable[[str], bool]) -> Callable[[str], object]:
    return lambda cell: True if wanted(cell) else None


def _is_item_address(cell: str) -> bool:
    found = reference(cell)
    return found is not None and found.kind == "item" and found.native_id is not None


def _is_text(cell: str) -> bool:
    return fits(as_decimal, [cell]) < 1


def _shapes(order: str) -> dict[str, tuple[Callable[[str], object], str]]:
    """How the cells of each field are checked, and what they are called."""
    return {
        "native_id": (
            _matches(lambda cell: len(cell) <= 200 and re.fullmatch(r"[^\s,/]+(?<!\.0)", cell) is not None), "ids"
        ),
        "url": (_matches(lambda cell: "://" in cell or reference(cell) is not None), "addresses"),
        "title": (_matches(lambda cell: len(cell) <= 1000), "texts"),
        "body": (_matches(_is_text), "texts"),
        "published_at": (lambda cell: moment_of(cell, order), "times"),
        "observed_at": (lambda cell: moment_of(cell, order), "times"),
        "duration_seconds": (duration_of, "durations"),
        "account": (_matches(lambda cell: len(cell) <= 100 and "\n" not in cell), "names of accounts"),
        "creator": (_matches(lambda cell: len(cell) <= 100 and _is_text(cell)), "names"),
        "language": (_matches(lambda cell: _LANGUAGE.fullmatch(cell) is not None), "codes of languages"),
    }  # fmt: skip


def date_order_of(sample: Sample, said: str | None) -> tuple[str, bool]:
    """How days in figures are written, and whether that is certain (said, shown by a day above 12, or not needed)."""
    if said is not None:
        return said, True
    cells = [cell for at in range(len(sample.headings)) for cell in sample.cells(at) if len(cell) < 40]
    days = [cell for cell in cells if re.match(r"\d{1,2}/\d{1,2}/\d{4}", cell)]
    if days:
        month_first, proven = months_come_first(days)
        if proven:
            return ("mdy" if month_first else "dmy"), True
        local = any(plain_heading(heading) in DAY_FIRST_WORDS for heading in sample.headings)
        return ("dmy" if local else "mdy"), local
    for at, heading in enumerate(sample.headings):
        if ROLES.get(plain_heading(heading)) in ("published_at", "observed_at"):
            for order, digits in (("unix", 10), ("unix_ms", 13)):
                if fits(_matches(lambda cell, n=digits: len(cell) == n and cell.isdigit()), sample.cells(at)) == 1:  # type: ignore[misc]
                    return order, True
    return "mdy", True


def verdicts_of(sample: Sample, said: Mapping[int, str], order: str, *, proven: bool) -> list[Verdict]:
    """What each column is held for; `said` is {place: role} from the user, `proven` whether `order` is certain."""
    verdicts = []
    for at, heading in enumerate(sample.headings):
        cells = sample.cells(at)
        if at in said:
            verdicts.append(Verdict(said[at], 1.0, "you said so"))
        else:
            verdicts.append(_verdict(heading, cells, order, proven=proven))
    _settle_days(sample, verdicts, said)
    _settle_followers(verdicts, said)
    return _one_column_a_role(sample, verdicts, said)


def _one_column_a_role(sample: Sample, verdicts: list[Verdict], said: Mapping[int, str]) -> list[Verdict]:
    """A role has one column: what the user said, else the surest, of equals the first."""
    taken: dict[str, int] = {role: at for at, role in said.items()}
    for at in sorted(range(len(verdicts)), key=lambda at: (-verdicts[at].confidence, at)):
        verdict = verdicts[at]
        if at in said or not verdict.sure or verdict.role == IGNORE:
            continue
        if verdict.role in taken:
            other = sample.headings[taken[verdict.role]].strip()
            verdicts[at] = Verdict(verdict.role, 0.4, f"{other!r} is already {verdict.role}")
        else:
            taken[verdict.role] = at
    return verdicts


def _verdict(heading: str, cells: list[str], order: str, *, proven: bool) -> Verdict:
    plain = plain_heading(CURRENCY.sub("", heading)) if CURRENCY.search(heading) else plain_heading(heading)
    role = ROLES.get(plain_heading(heading)) or ROLES.get(plain)
    if plain in DAYS:
        role = "published_at"
    if not cells:
        return Verdict(role or IGNORE, 0.3, "the column is empty")
    if role is None:
        return _verdict_by_cells(heading, cells)
    fit, what = _fit(role, cells, order)
    if role in ("published_at", "observed_at") and not proven and any(re.match(r"\d+/\d+/", cell) for cell in cells):
        return Verdict(role, 0.5, "no date shows whether the day or the month comes first: say --date-order")
    if fit >= _WHOLE_FIT:
        return Verdict(role, 0.95, f"the heading says so, and the cells are {what}")
    if fit >= SOME_FIT:
        share = f"{fit:.0%}"
        return Verdict(role, 0.8, f"the heading says so, and {share} of the cells are {what}; other rows are set aside")
    return Verdict(role, 0.4, f"the heading says {role}, but only {fit:.0%} of the cells are {what}")


def _fit(role: str, cells: list[str], order: str) -> tuple[float, str]:
    if role.startswith("metric:"):
        return fits(as_decimal, cells), "figures"
    read, what = _shapes(order)[role]
    return fits(read, cells), what


def _verdict_by_cells(heading: str, cells: list[str]) -> Verdict:
    """For a heading that says nothing certain."""
    if fits(_matches(_is_item_address), cells) >= _WHOLE_FIT:
        return Verdict("url", 0.85, "the cells are addresses of posts")
    if fits(as_decimal, cells) >= _WHOLE_FIT and not _NOT_COUNTED.search(plain_heading(heading)):
        return Verdict(
            _metric_named(heading), 0.5, "the cells are figures, but the heading is no metric known by sight"
        )
    if fits(lambda cell: moment_of(cell, "mdy"), cells) >= _WHOLE_FIT:
        return Verdict("published_at", 0.5, "the cells are times, and the heading does not say of what")
    inside = role_inside(heading)
    if inside is not None and not inside.startswith("metric:"):
        fit, what = _fit(inside, cells, "mdy")
        if fit >= SOME_FIT:
            return Verdict(inside, 0.5, f"the heading speaks of {inside}, but says more; the cells are {what}")
    return Verdict(IGNORE, 0.2, "neither the heading nor the cells say what it is")


def _metric_named(heading: str) -> str:
    """A role with the heading's own words as the metric's name, where they make one."""
    plain = plain_heading(CURRENCY.sub("", heading)).replace("%", " percent ")
    plain = "".join(char for char in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(char))
    role = f"metric:{re.sub(r'[^a-z0-9]+', '_', plain).strip('_')}"
    return role if is_role(role) else IGNORE


def _settle_days(sample: Sample, verdicts: list[Verdict], said: Mapping[int, str]) -> None:
    """A column "Date" is when a post was published, if another word says so; beside no post it is the day observed."""
    has_item = any(verdict.role in ("native_id", "url") and verdict.sure for verdict in verdicts)
    metrics = any(verdict.role.startswith("metric:") for verdict in verdicts)
    for at, heading in enumerate(sample.headings):
        verdict = verdicts[at]
        if plain_heading(heading) not in DAYS or at in said or not verdict.sure:
            continue
        if has_item:
            why = "a date beside a post can be when it was published (published_at) or when the figures were true"
            verdicts[at] = Verdict("published_at", 0.5, f"{why} (observed_at)")
        elif metrics:
            verdicts[at] = Verdict("observed_at", 0.85, "each row is a day with figures, and names no post")


def _settle_followers(verdicts: list[Verdict], said: Mapping[int, str]) -> None:
    if not any(verdict.role in ("native_id", "url") and verdict.sure for verdict in verdicts):
        return
    for at, verdict in enumerate(verdicts):
        if verdict.role == "metric:followers" and at not in said:
            verdicts[at] = Verdict(verdict.role, 0.4, "followers are a figure of the account, and the rows are posts")


def is_daily(verdicts: list[Verdict]) -> bool:
    """Whether each row names the day that it is about."""
    return any(verdict.role == "observed_at" and verdict.sure for verdict in verdicts)
