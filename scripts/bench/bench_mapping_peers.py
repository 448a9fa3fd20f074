"""Mapping beside its peers, on the same items in one run: Splink, and titles compared letter by letter.

Usage: bench_mapping_peers.py [--data FOLDER | FILE…] [--folds] [--assert]

Every method gets the same pieces and none of the answers. Each peer is told more than detection is: that twins are
one-to-one within two platforms, and (for clips) which items are clips. Its threshold is chosen on the other shows, and
a second row has the threshold that the set's own answers would choose (a third, for Splink, even odds by its own
reckoning). The limits compare with the best of all these rows. Splink runs in an environment of its own, made
on first use in the temporary folder; it is no dependency of Engagerr.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

from engagerr.core.content.detection import Piece
from engagerr.core.content.evaluation import EvaluationRow, GroupSet, evaluate, read_groups
from engagerr.core.content.evaluation.baseline import Match
from engagerr.core.content.evaluation.judging import rows_of_matches, works_of_matches
from measuring import Limit, arguments, finish, say, step

SPLINK = "splink==5.0.0"
DATA = Path(__file__).parents[3] / "shared" / "data" / "relations" / "groups"
METHODS = ("splink", "splink_at_its_best")
# Match weights are log2 odds; the curve of thresholds runs over 0 to 100.
LOWEST_WEIGHT, HIGHEST_WEIGHT = -50.0, 50.0
EVEN_ODDS = 100 * (0 - LOWEST_WEIGHT) / (HIGHEST_WEIGHT - LOWEST_WEIGHT)
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"(?:^|[\s#.:|(\[-])([0-9]{1,4})(?:$|[\s.:|)\]-])")


def splink_python(given: Path | None) -> Path:
    """The interpreter that has Splink; makes an environment for it where none was named."""
    if given is not None:
        return given
    place = Path(tempfile.gettempdir()) / f"engagerr-bench-{SPLINK.replace('==', '-')}"
    python = place / "bin" / "python"
    if not python.exists():
        with step(f"an environment with {SPLINK}"):
            venv.create(place, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", SPLINK, "pyarrow"], check=True)
    return python


def record(piece: Piece, side: str) -> dict[str, Any]:
    """A piece as a peer reads it: the same facts, prepared as a linker would prepare them."""
    title = " ".join(_WORD.findall((piece.title or "").casefold()))
    words = sorted({word for word in title.split() if len(word) > 1})
    said = piece.hints.get("episode")
    in_title = _NUMBER.search(piece.title or "")
    number = str(said) if said is not None else in_title[1] if in_title else ""
    return {
        "id": str(piece.id),
        "side": side,
        "show": str(piece.show),
        "title": title or None,
        "start": " ".join(title.split()[:2]) or None,
        "words": words,
        "text_words": sorted({word for word in _WORD.findall((piece.body or "").casefold()) if len(word) > 3})[:400],
        "number": int(number) if number.isdecimal() else None,
        "published": piece.published_at.strftime("%Y-%m-%d %H:%M:%S") if piece.published_at else None,
        "week": piece.published_at.strftime("%G-%V") if piece.published_at else None,
        "seconds": piece.duration_seconds,
    }


def splink_scores(python: Path, records: Sequence[dict[str, Any]]) -> list[tuple[str, str, float]]:
    """(id, id, match weight) of the pairs that Splink compared."""
    with tempfile.TemporaryDirectory() as folder:
        told, scored = Path(folder) / "records.json", Path(folder) / "scores.json"
        told.write_text(json.dumps(records), "utf-8")
        subprocess.run(
            [python, Path(__file__).with_name("splink_peer.py"), told, scored], check=True, stdout=sys.stderr
        )
        return [(one, other, float(weight)) for one, other, weight in json.loads(scored.read_text("utf-8"))]


def one_to_one(pieces: Sequence[Piece], scores: Sequence[tuple[str, str, float]]) -> tuple[Match, ...]:
    """The surest pairs first, each piece at most once with each other platform: the same help as titles get."""
    of_id = {str(piece.id): piece for piece in pieces}
    taken: set[tuple[Hashable, str]] = set()
    matches = []
    for one, other, weight in sorted(scores, key=lambda row: (-row[2], row[0], row[1])):
        ends = (of_id[one].id, of_id[other].platform), (of_id[other].id, of_id[one].platform)
        if taken.isdisjoint(ends):
            taken.update(ends)
            scaled = 100 * (weight - LOWEST_WEIGHT) / (HIGHEST_WEIGHT - LOWEST_WEIGHT)
            matches.append(Match(min(max(scaled, 0.0), 100.0), of_id[one].id, of_id[other].id))
    return tuple(matches)


def splink_rows(sets: Sequence[GroupSet], python: Path) -> list[EvaluationRow]:
    """Splink's rows, works and clips."""
    matches = {}
    for one in sets:
        with step(f"Splink on {one.name}"):
            scores = splink_scores(python, [record(piece, piece.platform) for piece in one.pieces])
            matches[one.name] = one_to_one(one.pieces, scores)
    rows = rows_of_matches(sets, matches, methods=METHODS, stated=EVEN_ODDS)
    for one in sets:
        even = {str(show): EVEN_ODDS for show in one.shows}
        rows.append(works_of_matches(one, matches[one.name], even, "splink_at_even_odds"))
    return rows


def splink_parents(one: GroupSet, python: Path) -> dict[str, Any] | None:
    """How often the right parent is Splink's first, and among its first three; it is told which items are children."""
    children = one.gold.parents
    if not children:
        return None
    records = [record(piece, "child" if piece.id in children else "parent") for piece in one.pieces]
    ranked: dict[str, list[tuple[float, str]]] = {}
    side = {told["id"]: told["side"] for told in records}
    for left, right, weight in splink_scores(python, records):
        child, parent = (left, right) if side[left] == "child" else (right, left)
        ranked.setdefault(child, []).append((-weight, parent))
    hits = [
        [parent in {str(one) for one in right} for _, parent in sorted(ranked.get(str(child), []))[:3]]
        for child, (_, right) in children.items()
    ]
    return {
        "set": one.name,
        "relation": "clip_of",
        "method": "splink",
        "children": len(children),
        "first_parent": sum(any(three[:1]) for three in hits) / len(hits),
        "parent_among_three": sum(any(three) for three in hits) / len(hits),
    }


def line(row: EvaluationRow) -> dict[str, Any]:
    """The figures that are compared."""
    kept = (
        "set", "relation", "method", "items", "decidable_gold", "decidable_precision", "decidable_recall",
        "decidable_f1", "decidable_f1_low", "decidable_f1_high", "all_f1", "b_cubed_decidable_f1", "b_cubed_f1",
        "children", "first_parent", "parent_among_three",
    )  # fmt: skip
    flat = row.flat()
    return {name: round(flat[name], 4) if isinstance(flat[name], float) else flat[name] for name in kept}


def limits(rows: Sequence[dict[str, Any]], ours: str) -> list[Limit]:
    """Detection's F1 beside the best peer's on every set that has something to find; no peer may be ahead."""
    made = []
    for name in sorted({row["set"] for row in rows}):
        parents = {row["method"]: row["parent_among_three"] for row in rows if row["set"] == name and row["children"]}
        others = {method: share for method, share in parents.items() if not method.startswith("engagerr")}
        if ours in parents and any(others.values()):
            best = max(others, key=lambda method: others[method])
            ratio = parents[ours] / others[best]
            made.append(Limit(f"{name}: parent among three beside {best}", ratio, at_least=1.0, figures=parents))
        own = [row for row in rows if row["set"] == name and row["relation"] == "same_work"]
        works = {row["method"]: row["decidable_f1"] for row in own}
        peers = {method: f1 or 0.0 for method, f1 in works.items() if not method.startswith("engagerr")}
        if works.get(ours) is None or not peers:
            continue
        best = max(peers, key=lambda method: peers[method])
        ratio = works[ours] / peers[best] if peers[best] else float("inf")
        made.append(Limit(f"{name}: F1 beside the best peer, {best}", ratio, at_least=1.0, figures=works))
    return made


def draw(rows: Sequence[dict[str, Any]]) -> None:
    """The table, for a person."""
    say(f"\n{'set':<26}{'method':<26}{'P':>7}{'R':>7}{'F1':>7}{'B3':>7}{'B3 all':>8}")
    for row in rows:
        if row.get("relation") == "same_work":
            cells = [row[name] for name in ("decidable_precision", "decidable_recall", "decidable_f1")]
            cells += [row["b_cubed_decidable_f1"], row["b_cubed_f1"]]
            figures = "".join(f"{'—' if cell is None else f'{cell:.3f}':>7}" for cell in cells[:-1])
            say(f"{row['set']:<26}{row['method']:<26}{figures}{cells[-1]:>8.3f}")
    for row in rows:
        if row.get("children"):
            say(
                f"{row['set']:<26}{row['method']:<26}{row['children']:>6} children: parent first "
                f"{row['first_parent']:.3f}, among three {row['parent_among_three']:.3f}"
            )


def main() -> None:
    """Run all methods on all files and print one JSON document."""
    parser = arguments(__doc__ or "")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="groups files (default: all of --data)")
    parser.add_argument("--data", type=Path, default=DATA, help="a folder of groups files")
    parser.add_argument("--folds", action="store_true", help="also a model trained without each show (scikit-learn)")
    parser.add_argument("--splink-python", type=Path, help="an interpreter that has Splink and pyarrow")
    parser.add_argument("--no-splink", action="store_true", help="only the title baseline")
    said = parser.parse_args()
    files = said.files or sorted(said.data.glob("*.jsonl"))
    if not files:
        say(f"no groups files in {said.data}; name some, or the folder with --data")
        finish("mapping_peers", [], sizes={}, also={"skipped": f"no groups files in {said.data}"}, assert_limits=False)
    sets = read_groups(files)
    begun = time.perf_counter()
    with step("detection and the title baseline"):
        rows = [line(row) for row in evaluate(files).rows]
    if said.folds:
        with step("detection by models trained without each show"):
            rows += [
                line(row) | {"method": "engagerr_unseen"} for row in evaluate(files, folds="show", baseline=False).rows
            ]
    if not said.no_splink:
        python = splink_python(said.splink_python)
        rows += [line(row) for row in splink_rows(sets, python)]
        rows += [row for one in sets if (row := splink_parents(one, python))]
    rows.sort(key=lambda row: (row["set"], row["relation"], row["method"]))
    draw(rows)
    finish(
        "mapping_peers",
        limits(rows, "engagerr_unseen" if said.folds else "engagerr"),
        sizes={one.name: {"items": len(one.pieces), "groups": one.groups} for one in sets},
        also={"rows": rows, "splink": SPLINK, "seconds": round(time.perf_counter() - begun, 1)},
        assert_limits=said.assert_limits,
    )


if __name__ == "__main__":
    main()
