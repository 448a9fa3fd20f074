#!/usr/bin/env python3
"""Writes the table of weights into docs/model-card-mapping.md, from the model that is shipped.

    python scripts/mapping_card.py            write it
    python scripts/mapping_card.py --check    write nothing; exit 1 if the card is out of date

What each feature means stands here; what it weighs, and where that comes from, in the model's file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from engagerr.core.content.detection.scoring import Model, RelationModel, shipped_model

CARD = Path(__file__).resolve().parent.parent / "docs" / "model-card-mapping.md"
BEGIN, END = "<!-- weights:begin -->", "<!-- weights:end -->"

# In the order of the table: what is said, what is counted, when, how long, how.
SAME_WORK: Mapping[str, str] = {
    "name_alike": "rare words that both titles have, of those that either has",
    "name_contained": "the same, of the words of the shorter title, as far as that is more",
    "name_rare": "how rare the words are, together, that both titles have",
    "nameless": "how little the shorter title says: 1 where no word in it is rare",
    "same_name": "both titles are the same but for numbers and what every title has, and nobody else's are",
    "spelling_alike": "how alike the titles are letter by letter",
    "spelling_within": "how alike the shorter title is, letter by letter, to a part of the longer one",
    "name_in_text": "rare words of one title that stand in the other's text",
    "texts_alike": "rare words that both texts have, of those of the shorter one",
    "texts_rare": "how rare the words are, together, that both texts have",
    "meaning_alike": "likeness of meaning, where embeddings are installed",
    "number_equal": "both count the same episode, and numbers of these accounts may be compared",
    "number_by_habit": "the numbers agree as the sure pairs of these accounts were seen to agree",
    "number_differs": "they count different episodes, one of them by a bare number or outside the title",
    "number_off_habit": "the numbers differ where the sure pairs of these accounts agree",
    "one_part_only": "only one of them is named as a part",
    "rerun_once": "only one of them is called a rerun, an encore or a best-of",
    "date_near": "published as far apart as these accounts usually are",
    "date_far": "published further apart than that: the more, the further",
    "date_unknown": "one of them has no date",
    "date_by_habit": "fits the accounts' habit of dates, and nothing else of either account does nearly as well",
    "title_date_fits": "the date in one title fits the other's title, or the day on which the other appeared",
    "title_date_off": "the date in one title is more than a month from the day on which the other appeared",
    "lengths_equal": "equally long: within some seconds, or a hundredth",
    "lengths_differ": "the shorter one has less than nine tenths of the other's length: the more, the shorter",
    "language_differs": "they are in different languages, as the platforms say",
    "links_shared": "one points at the other, or both at a page that few others point at",
    "same_platform": "they are on the same platform",
}
CUT: Mapping[str, str] = {
    "name_in_work": "rare words of the cut's title that stand in the work's title",
    "name_in_its_text": "rare words of the cut's title that stand in the work's text or chapters",
    "work_in_name": "rare words of the work's title that stand in the cut's title",
    "work_in_text": "rare words of the work's title that stand in the cut's text",
    "rare_in_names": "how rare the words are, together, that both titles have",
    "rare_in_its_text": "how rare the words of the cut's title are, together, that stand in the work's text",
    "rare_in_text": "how rare the words of the work's title are, together, that stand in the cut's text",
    "spelling_within": "how alike the shorter title is, letter by letter, to a part of the longer one",
    "texts_alike": "rare words that both texts have, of those of the cut's",
    "meaning_alike": "likeness of meaning, where embeddings are installed",
    "number_equal": "the cut names the work's episode number",
    "number_differs": "the cut names another episode's number in the same way",
    "follows": "published within days after the work",
    "before": "published before the work: the more, the earlier",
    "late": "published months after the work: the more, the later",
    "length_fits": "less than half as long as the work",
    "links_shared": "the cut's text points at the work, or both at a page that few others point at",
    "same_platform": "on the work's platform",
    "same_account": "on the work's account",
    "wording": "its title calls itself a clip, a highlight, a best moment",
}


def main(arguments: list[str]) -> int:
    """Write the card, or say whether it is up to date."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    card = CARD.read_text(encoding="utf-8")
    fresh = with_weights(card, shipped_model())
    if arguments:
        if fresh != card:
            print("✗ docs/model-card-mapping.md is out of date.\n  → Run scripts/mapping_card.py", file=sys.stderr)
        return int(fresh != card)
    CARD.write_text(fresh, encoding="utf-8")
    return 0


def with_weights(card: str, model: Model) -> str:
    """The card with the tables of this model between its markers."""
    before, _, rest = card.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{weight_tables(model)}\n{END}{after}"


def weight_tables(model: Model) -> str:
    """Both relations' weights, each explained."""
    return "\n".join(
        [
            "**Renditions of one work** (`same_work`)", "", *_table(model.same_work, SAME_WORK), "",
            "**Cuts, and posts about a work** (`clip_of`, `promotes`)", "", *_table(model.cut, CUT), "",
        ]
    )  # fmt: skip


def _table(model: RelationModel, meanings: Mapping[str, str]) -> list[str]:
    lines = ["| feature | what it says | weight | from |", "| --- | --- | ---: | --- |"]
    lines += [f"| base | where a pair with nothing in common begins | {_signed(model.base)} | data |"]
    lines += [
        f"| `{name}` | {meanings[name]} | {_signed(model.weights[name])} | {_origin(model, name)} |"
        for name in meanings
        if name in model.weights
    ]
    lines += [f"| lead | how far it is ahead of the best other claim (−1 to 1) | {_signed(model.lead)} | data |"]
    unexplained = sorted(set(model.weights) - set(meanings))
    if unexplained:
        raise KeyError(f"scripts/mapping_card.py does not say what {', '.join(unexplained)} means")
    return lines


def _origin(model: RelationModel, name: str) -> str:
    return "statement" if name in model.stated else "data"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
