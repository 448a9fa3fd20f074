"""Judging detection on groups files: what it finds in the items alone, against what the files say of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from engagerr.core.content.detection.pieces import Detection, Piece
from engagerr.core.content.evaluation.baseline import STATED_THRESHOLD, title_matches
from engagerr.core.content.evaluation.folding import shipped_version, shows_of_shipped_model, train_without
from engagerr.core.content.evaluation.groups import GroupSet, read_groups
from engagerr.core.content.evaluation.judging import clip_rows_by_title, judge, rows_of_matches
from engagerr.core.content.evaluation.rows import BASELINE, Evaluation, EvaluationRow
from engagerr.core.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engagerr.core.ai import Embedder


class Detector(Protocol):
    """`detect` of core/content/detection, or a stand-in; where there is an embedder, `vectors` are given by id too."""

    def __call__(self, pieces: Sequence[Piece], *, with_pairs: bool) -> Detection:
        """Find edges among pieces; with every compared pair if asked for."""
        ...


Trainer = Callable[[Sequence[GroupSet], str], Detector]
Progress = Callable[[int, int], None]


def evaluate(
    paths: Sequence[Path | str],
    *,
    folds: str | None = None,
    baseline: bool = True,
    detector: Detector | None = None,
    trainer: Trainer | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Detect in the items of groups files and measure it; their labels never reach the detector.

    Without `folds` the shipped model judges, and a set of a show that it was trained on is marked as seen. With
    `folds="show"` the model is trained anew for each show, on all the others of these files. `detector` and `trainer`
    stand in for the house's own. With an `embedder` pieces are compared by meaning too. `progress` is told (done, of)
    after each step.

    Raises InvalidInput for files that cannot be read, for an unknown kind of folds, for folds over a single show, and
    for folds where scikit-learn is not installed.
    """
    if folds not in (None, "show"):
        raise InvalidInput(f"There are no folds by “{folds}”.", hint='Only by show: folds="show", or --folds show.')
    sets = read_groups(paths)
    shows = sorted({str(show) for one in sets for show in one.shows})
    if folds and len(shows) < 2:
        raise InvalidInput(
            f"Folds need at least two shows; these files have only {shows[0]}.",
            hint="Add files of other shows, or leave --folds out to judge the shipped model.",
        )
    rounds = 1 + baseline + (embedder is not None)
    step = _Steps(progress, total=(len(shows) if folds else len(sets)) + len(sets) * rounds)
    if folds and trainer is None:
        trainer = _own_trainer()
    meant = _Meant(sets, embedder, step)
    found = _by_show(sets, shows, trainer, meant, step) if trainer and folds else _at_once(sets, detector, meant, step)
    seen = shows_of_shipped_model() if not folds and detector is None else None
    rows: list[EvaluationRow] = []
    for one in sets:
        judged = judge(one, found[one.name])
        rows += [replace(row, seen=False if folds else _seen(one, seen)) for row in judged]
        step()
    if baseline:
        rows += _rows_of_baseline(sets, step)
    rows.sort(key=lambda row: (row.set, row.relation))
    model = shipped_version() if seen is not None else None
    notes = _notes(sets, folds, seen, baseline=baseline)
    if embedder is not None:
        notes.insert(0, f"Items were compared by words and by vectors of {embedder.name}.")
    return Evaluation(tuple(rows), tuple(notes), folds, model)


def _rows_of_baseline(sets: Sequence[GroupSet], step: Callable[[], None]) -> list[EvaluationRow]:
    matches = {}
    for one in sets:
        matches[one.name] = title_matches(one.pieces)
        step()
    rows = rows_of_matches(sets, matches)
    for one in sets:
        chosen = next(row.thresholds for row in rows if row.set == one.name and row.method == BASELINE)
        rows += clip_rows_by_title(one, chosen or {})
    return rows


class _Steps:
    def __init__(self, progress: Progress | None, *, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)


class _Meant:
    """What a detector is told of the pieces' meaning: nothing, where nothing embeds them."""

    def __init__(self, sets: Sequence[GroupSet], embedder: Embedder | None, step: Callable[[], None]) -> None:
        self._vectors: dict[Hashable, NDArray[np.float32]] | None = None
        if embedder is None:
            return
        from engagerr.core.ai import meaning_vectors

        self._vectors = {}
        for one in sets:
            rows = meaning_vectors(
                embedder.embed,
                titles=[piece.title for piece in one.pieces],
                texts=[piece.body for piece in one.pieces],
                groups=[piece.show for piece in one.pieces],
            )
            self._vectors |= {piece.id: row for piece, row in zip(one.pieces, rows, strict=True) if row.any()}
            step()

    def detected(self, detector: Detector, pieces: Sequence[Piece]) -> Detection:
        """What the detector finds in these pieces."""
        if self._vectors is None:
            return detector(pieces, with_pairs=True)
        return cast("Callable[..., Detection]", detector)(pieces, with_pairs=True, vectors=self._vectors)


def _at_once(
    sets: Sequence[GroupSet], detector: Detector | None, meant: _Meant, step: Callable[[], None]
) -> dict[str, Detection]:
    if detector is None:
        from engagerr.core.content.detection import detect

        detector = detect
    found = {}
    for one in sets:
        found[one.name] = meant.detected(detector, one.pieces)
        step()
    return found


def _by_show(
    sets: Sequence[GroupSet], shows: Sequence[str], trainer: Trainer, meant: _Meant, step: Callable[[], None]
) -> dict[str, Detection]:
    """Every show judged by a model that was trained on all others. Pieces of two shows are never compared anyhow."""
    parts: dict[str, list[Detection]] = {one.name: [] for one in sets}
    for show in shows:
        detector = trainer(sets, show)
        for one in sets:
            own = [piece for piece in one.pieces if str(piece.show) == show]
            if own:
                parts[one.name].append(meant.detected(detector, own))
        step()
    return {
        name: Detection(
            edges=tuple(edge for part in several for edge in part.edges),
            pieces=sum(part.pieces for part in several),
            compared=sum(part.compared for part in several),
            pairs=tuple(pair for part in several for pair in part.pairs),
        )
        for name, several in parts.items()
    }


def _own_trainer() -> Trainer:
    """Training by the house's own means, which needs scikit-learn; the product itself does without it."""
    from importlib.util import find_spec

    if find_spec("sklearn") is None:
        raise InvalidInput(
            "Folds train a model for each show, and scikit-learn, which does that, is not installed.",
            hint="pip install 'engagerr[train]', or leave --folds out to judge the shipped model.",
        )
    return train_without


def _seen(one: GroupSet, trained_on: frozenset[str] | None) -> bool | None:
    if trained_on is None:
        return None
    known = {show.casefold() for show in trained_on}
    return any(str(show).casefold() in known for show in one.shows)


def _notes(sets: Sequence[GroupSet], folds: str | None, seen: frozenset[str] | None, *, baseline: bool) -> list[str]:
    notes = []
    if folds:
        notes.append("Each show was judged by a model that was trained on all the other shows of these files.")
    elif seen is not None:
        known = [one.name for one in sets if _seen(one, seen)]
        notes.append(
            f"The shipped model was trained on {', '.join(sorted(seen))}."
            + (f" Its figures on {', '.join(known)} are of shows that it has seen: --folds show." if known else "")
        )
    for one in sets:
        if one.untitled:
            notes.append(
                f"{one.name}: {one.untitled:,} of {len(one.pieces):,} items have no title; pairs with one of these "
                "count under all and not under decidable."
            )
        if one.repeated:
            notes.append(f"{one.name}: {one.repeated:,} items bear an id that another item has too; kept as they are.")
        if one.undecidable:
            notes.append(f"{one.name}: {len(one.undecidable):,} items are marked undecidable; not under decidable.")
        if one.gold.cuts:
            notes.append(
                f"{one.name}: nobody says which of {len(one.gold.cuts):,} clips are the same cut on two platforms; "
                "to find two clips of one source to be one counts neither way."
            )
        if one.unsure:
            notes.append(f"{one.name}: {one.unsure:,} pairs are marked as in need of review and were not counted.")
        notes += [f"{one.name}: the parent was told so: {rule} ({times:,} ×)." for rule, times in one.rules.items()]
    if baseline:
        alone = len({show for one in sets for show in one.shows}) == 1
        chosen = f"threshold {STATED_THRESHOLD:.0f} (no other show is here)" if alone else "threshold from other shows"
        notes.append(
            f"title_ratio: rapidfuzz ratio of case-folded titles, one-to-one within two platforms, {chosen}; at its "
            "best: the threshold that the answers of the set itself would choose. For clips it is told which they are."
        )
    return notes
