"""Splink on records from a JSON file: run by bench_mapping_peers.py in an environment of Splink's own.

Usage: python splink_peer.py RECORDS SCORES. It knows nothing of Engagerr and nothing of the answers. Set up as Splink's
documentation advises: several blocking rules, comparisons with levels, u by random sampling, m by expectation
maximisation in several passes, the prior from what a linker knows of the task (each item has about one twin elsewhere).
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

_TEXTS = ("title", "start", "rarest", "week", "published")
_RARE_IN_AT_MOST = 12
_FLOOR = 0.01


def compare() -> list[Any]:
    """The comparisons: titles, their rare words, words of the descriptions, numbers, dates, lengths."""
    import splink.comparison_level_library as level
    import splink.comparison_library as library

    overlap = "len(list_intersect(words_l, words_r)) / least(len(words_l), len(words_r))"
    # The one's description names what stands in the other's title or description.
    named = ("told_l, told_r", "told_l, rare_r", "rare_l, told_r")
    shared = " + ".join(f"len(list_intersect({two}))" for two in named)
    silent = "len(told_l) * (len(told_r) + len(rare_r)) + len(told_r) * len(rare_l) = 0"
    apart = "abs(date_diff('hour', try_cast(published_l as timestamp), try_cast(published_r as timestamp)))"
    ratio = "abs(seconds_l - seconds_r) / greatest(seconds_l, seconds_r)"
    return [
        library.CustomComparison(
            output_column_name="title",
            comparison_levels=[
                level.NullLevel("title"),
                level.ExactMatchLevel("title"),
                level.JaroWinklerLevel("title", 0.95),
                level.CustomLevel(f"{overlap} >= 0.99 and least(len(words_l), len(words_r)) >= 3", "one in the other"),
                level.CustomLevel(f"{overlap} >= 0.75", "most words"),
                level.JaroWinklerLevel("title", 0.85),
                level.CustomLevel(f"{overlap} >= 0.5", "half of the words"),
                level.CustomLevel(f"{overlap} >= 0.25", "some words"),
                level.ElseLevel(),
            ],
        ),
        library.CustomComparison(
            output_column_name="rare",
            comparison_levels=[
                level.CustomLevel("len(rare_l) * len(rare_r) = 0", "no rare word").configure(is_null_level=True),
                *(level.CustomLevel(f"len(list_intersect(rare_l, rare_r)) >= {size}", f"{size}") for size in (3, 2, 1)),
                level.ElseLevel(),
            ],
        ),
        library.CustomComparison(
            output_column_name="told",
            comparison_levels=[
                level.CustomLevel(silent, "no text to compare with").configure(is_null_level=True),
                *(level.CustomLevel(f"{shared} >= {size}", f"{size} words of the text") for size in (4, 2, 1)),
                level.ElseLevel(),
            ],
        ),
        library.ExactMatch("number"),
        library.CustomComparison(
            output_column_name="published",
            comparison_levels=[
                level.NullLevel("published"),
                *(level.CustomLevel(f"{apart} <= {hours}", f"{hours} h") for hours in (36, 24 * 4, 24 * 15, 24 * 60)),
                level.ElseLevel(),
            ],
        ),
        library.CustomComparison(
            output_column_name="seconds",
            comparison_levels=[
                level.NullLevel("seconds"),
                *(level.CustomLevel(f"{ratio} <= {share}", f"{share:.0%}") for share in (0.01, 0.05, 0.2)),
                level.ElseLevel(),
            ],
        ),
    ]


def score(records: list[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """(id, id, match weight) of every pair that blocking lets through, for records of one show."""
    import pyarrow
    from splink import Linker, SettingsCreator, block_on
    from splink.internals.duckdb.database_api import DuckDBAPI

    sides = Counter(record["side"] for record in records)
    if len(sides) < 2:
        return []
    schema = pyarrow.schema(
        [
            ("unique_id", pyarrow.string()),
            *((name, pyarrow.string()) for name in _TEXTS),
            *((name, pyarrow.list_(pyarrow.string())) for name in ("words", "rare", "told")),
            ("number", pyarrow.int64()),
            ("seconds", pyarrow.float64()),
        ]
    )
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in prepared(records):
        tables[record["side"]].append({**record, "unique_id": record["id"]})
    api = DuckDBAPI()
    frames = [
        api.register(
            pyarrow.Table.from_pylist(
                [{name: record.get(name) for name in schema.names} for record in rows], schema=schema
            ),
            dataset_display_name=f"s_{side}",
            table_name=f"s_{side}",
        )
        for side, rows in sorted(tables.items())
    ]
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=compare(),
        blocking_rules_to_generate_predictions=[
            # Those that explode come last: a pair that an earlier one could not judge for want of words would be lost.
            block_on("title"),
            block_on("start"),
            block_on("week"),
            block_on("number"),
            block_on("rare", arrays_to_explode=["rare"]),
            block_on("told", arrays_to_explode=["told"]),
        ],
        # Two sides of about n items hold about n matches among n² pairs.
        probability_two_random_records_match=1 / max(sides.values()),
        max_iterations=40,
    )
    linker = Linker(frames, settings, log_level=40)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    for rule in (block_on("rarest"), block_on("start"), block_on("week"), block_on("number")):
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                rule, fix_probability_two_random_records_match=True, record_sample_proportion=1.0
            )
        except Exception as error:  # noqa: BLE001 -- a rule without pairs trains nothing; the others do
            print(f"    nothing to learn from a pass: {type(error).__name__}", file=sys.stderr)
    linker = Linker(frames, with_floors(linker.misc.save_model_to_json()), log_level=40)
    found = linker.inference.predict(threshold_match_weight=-30).as_record_list()
    return [(row["unique_id_l"], row["unique_id_r"], row["match_weight"]) for row in found]


def with_floors(model: dict[str, Any]) -> dict[str, Any]:
    """The trained model with no probability of nought: on a small show expectation maximisation is too sure.

    Levels that no pass saw count for nothing instead of for a default.
    """
    for comparison in model["comparisons"]:
        for level in comparison["comparison_levels"]:
            if level.get("is_null_level"):
                continue
            u = max(level.get("u_probability") or _FLOOR, 1e-4)
            level["u_probability"] = u
            level["m_probability"] = max(level["m_probability"], _FLOOR) if level.get("m_probability") else u
    return model


def prepared(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records with their rare words: those that at most so many items on one side have in their title or text."""
    often: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        often[record["side"]].update(set(record["words"]) | set(record["text_words"]))
    common = {word for counts in often.values() for word, times in counts.items() if times > _RARE_IN_AT_MOST}
    made = []
    for record in records:
        rare = sorted(set(record["words"]) - common)
        told = sorted(set(record["text_words"]) - common - set(rare))
        rarest = min(rare, key=lambda word: (sum(counts[word] for counts in often.values()), word), default=None)
        lists = {"words": record["words"] or None, "rare": rare, "told": told}
        made.append({**record, **lists, "rarest": rarest})
    return made


def main() -> None:
    """Score each show by itself."""
    warnings.simplefilter("ignore")
    by_show: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in json.loads(Path(sys.argv[1]).read_text("utf-8")):
        by_show[record["show"]].append(record)
    scored = [row for _, records in sorted(by_show.items()) for row in score(records)]
    Path(sys.argv[2]).write_text(json.dumps(scored), "utf-8")


if __name__ == "__main__":
    main()
