"""Comparing by meaning: what words cannot find, kept through imports, and never in an import's way."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from engagerr import Engagerr, InvalidInput, Settings, Workspace
from engagerr.core.ai import KeptSpace, chosen_embedder, kept_space
from engagerr.core.ai.embeddings import Progress
from engagerr.core.content import EdgeRow
from engagerr.core.jobs import Jobs
from engagerr.core.settings import AiSettings
from numpy.typing import NDArray
from sqlalchemy import text
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Connection
from tests.fakes.embedder import WordEmbedder
from tests.lines import Line, an_item, bring, contents

# The same thing in two languages, without a word in common.
TITLES = {
    "trail shoes for the alps": "bergschuhe im langzeittest",
    "packing light for a week": "eine woche mit handgepäck",
    "how to read a weather map": "wetterkarten richtig lesen",
    "sleeping in the snow": "biwak bei minus zwanzig",
    "water filters compared": "trinkwasser unterwegs",
    "lost above the tree line": "orientierung ohne handy",
    "a hut keeper's summer": "hüttenwirtin auf zeit",
    "what a rescue costs": "die rechnung der bergwacht",
}


class Polyglot(WordEmbedder):
    """Knows those translations, and that is all it knows beyond words."""

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[np.float32]:
        back = {german: english for english, german in TITLES.items()}
        rows = super().embed([back.get(words.lower(), words) for words in texts], progress=progress)
        self.asked[-len(texts) :] = texts
        return rows


@pytest.fixture
def embedder() -> Polyglot:
    return Polyglot("polyglot 1", dimensions=384)


@contextmanager
def same_home(settings: Settings, clock: SteeredClock, embedder: WordEmbedder | None) -> Iterator[Workspace]:
    with Engagerr(settings, clock=clock, embedder=embedder) as engagerr:
        yield engagerr.workspace()


@pytest.fixture
def reading(workspace: Workspace, settings: Settings, clock: SteeredClock, embedder: Polyglot) -> Iterator[Workspace]:
    """The same workspace where an embedder is chosen."""
    with same_home(settings, clock, embedder) as reading:
        yield reading


def a_show() -> list[Line]:
    lines: list[Line] = []
    for at, (english, german) in enumerate(TITLES.items()):
        days = [f"2026-{at + 1:02}-{day}T06:00:00Z" for day in ("10", "13")]
        lines.append(an_item(f"podcast:{at}", kind="episode", title=english, published_at=days[0]))
        lines.append(an_item(f"youtube:{at:011}", kind="long_video", title=german, published_at=days[1]))
    return lines


def named(edge: EdgeRow) -> tuple[str, str]:
    return str(int(edge.child.native_id)), edge.parent.native_id


def families(work: Workspace) -> set[tuple[str, str]]:
    """(child, parent) of what stands or is asked."""
    return {named(edge) for edge in work.content.edges()}


def by_meaning(work: Workspace) -> set[tuple[str, str]]:
    """Those of them for which their meaning speaks."""
    return {named(edge) for edge in work.content.edges() if "embedding" in {piece.kind for piece in edge.evidence}}


RIGHT = {(str(at), str(at)) for at in range(len(TITLES))}


def test_what_shares_no_word_is_found_by_meaning(workspace: Workspace, reading: Workspace, tmp_path: Path) -> None:
    bring(workspace, tmp_path, *a_show())
    workspace.content.suggest()
    assert families(workspace) == set()
    reading.content.suggest()
    assert families(workspace) == by_meaning(workspace) == RIGHT


def test_what_was_found_by_meaning_survives_imports_that_embed_nothing(
    workspace: Workspace, reading: Workspace, embedder: Polyglot, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(reading, tmp_path, *a_show())
    assert embedder.asked == []
    reading.content.suggest()
    before = contents(superuser_connection, ["content_edges"])
    asked = len(embedder.asked)
    # By whoever has no embedder as by whoever has one: the whole file again, a new item, and one that says more.
    for work in (workspace, reading):
        bring(work, tmp_path, *a_show())
        assert contents(superuser_connection, ["content_edges"]) == before
    bring(workspace, tmp_path, an_item("podcast:9", kind="episode", title="boots, knots and ropes"))
    bring(workspace, tmp_path, an_item("podcast:3", kind="episode", title="sleeping in the snow", body="With Mara."))
    assert families(workspace) == RIGHT
    assert len(embedder.asked) == asked
    reading.content.suggest()
    assert families(workspace) == RIGHT
    assert set(embedder.asked[asked:]) == {"boots, knots and ropes", "sleeping in the snow\nWith Mara."}


def test_what_landed_is_found_by_meaning_with_the_next_look(
    workspace: Workspace, reading: Workspace, tmp_path: Path
) -> None:
    lines = a_show()
    bring(workspace, tmp_path, *lines[:-1])
    reading.content.suggest()
    bring(workspace, tmp_path, lines[-1])
    assert by_meaning(workspace) == RIGHT - {("7", "7")}
    result = Jobs(reading).run("mapping").result
    assert result is not None
    assert (result["items"], result["withdrawn"]) == (16, 0)
    assert by_meaning(workspace) == RIGHT


def test_words_are_embedded_once_and_looking_again_changes_nothing(
    reading: Workspace, embedder: Polyglot, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(reading, tmp_path, *a_show())
    seen: list[tuple[int, int]] = []
    reading.content.suggest(embedding=lambda done, of: seen.append((done, of)))
    assert seen == [(16, 16)]
    assert sorted(embedder.asked) == sorted([*TITLES, *TITLES.values()])
    before = contents(superuser_connection)
    reading.content.suggest(embedding=lambda done, of: seen.append((done, of)))
    assert len(seen) == 1
    assert contents(superuser_connection) == before


def test_nothing_is_embedded_while_a_transaction_is_open(
    reading: Workspace, embedder: Polyglot, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(reading, tmp_path, *a_show())
    open_ones: list[int] = []

    class Watching(Polyglot):
        def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[np.float32]:
            found = superuser_connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
                " AND pid <> pg_backend_pid()"
            ).fetchone()
            assert found is not None
            open_ones.append(int(found[0]))
            return super().embed(texts, progress=progress)

    embedder.__class__ = Watching
    reading.content.suggest()
    assert open_ones == [0]


def kept(work: Workspace) -> tuple[KeptSpace | None, int]:
    with work.access.database.transaction(work.tenant.id) as session:
        rows = session.execute(text("SELECT count(*) FROM content_embeddings")).scalar_one()
        return kept_space(session, tenant_id=work.tenant.id), int(rows)


def test_without_an_embedder_vectors_are_forgotten_and_imports_go_by_words(
    workspace: Workspace, reading: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, *a_show())
    reading.content.suggest()
    assert kept(workspace) == (KeptSpace("polyglot 1", 384), 16)
    workspace.content.suggest()
    assert kept(workspace) == (None, 0)
    assert families(workspace) == set()


def test_another_embedder_takes_the_place_of_the_first(
    workspace: Workspace, reading: Workspace, settings: Settings, clock: SteeredClock, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, *a_show())
    reading.content.suggest()
    with same_home(settings, clock, Polyglot("polyglot 2", dimensions=32)) as other:
        other.content.suggest()
    assert kept(workspace) == (KeptSpace("polyglot 2", 32), 16)
    assert families(workspace) == RIGHT


def test_of_vectors_of_two_embedders_none_is_used_until_it_is_settled(
    workspace: Workspace, reading: Workspace, tmp_path: Path, superuser_connection: Connection
) -> None:
    bring(workspace, tmp_path, *a_show())
    reading.content.suggest()
    superuser_connection.execute(
        "INSERT INTO content_embeddings SELECT tenant_id, name, content_hash, vector FROM content_embeddings,"
        " unnest(ARRAY['another', 'the third']) AS name"
    )
    assert kept(workspace) == (None, 48)
    reading.content.suggest()
    assert kept(workspace) == (KeptSpace("polyglot 1", 384), 16)


def test_vectors_of_another_workspace_are_neither_used_nor_forgotten(
    other_workspace: Workspace, reading: Workspace, tmp_path: Path
) -> None:
    for work in (reading, other_workspace):
        bring(work, tmp_path, *a_show())
    reading.content.suggest()
    other_workspace.content.suggest()
    assert families(other_workspace) == set()
    assert kept(reading) == (KeptSpace("polyglot 1", 384), 16)
    assert kept(other_workspace) == (None, 0)


def test_what_a_person_decided_stands_whatever_the_vectors_say(
    workspace: Workspace, reading: Workspace, tmp_path: Path
) -> None:
    bring(workspace, tmp_path, *a_show())
    first, *_ = reading.content.suggest().edges
    workspace.content.reject(str(first.id))
    reading.content.suggest()
    states = {edge.id: edge.state for edge in workspace.content.edges()}
    assert states[first.id] == "rejected"
    assert len(states) == len(RIGHT)


def test_a_job_that_is_stopped_keeps_what_it_embedded(reading: Workspace, embedder: Polyglot, tmp_path: Path) -> None:
    bring(reading, tmp_path, *a_show())
    stop = threading.Event()
    stop.set()
    assert Jobs(reading).run("mapping", stop=stop).state == "interrupted"
    assert kept(reading)[1] == 16
    asked = len(embedder.asked)
    reading.content.suggest()
    assert len(embedder.asked) == asked


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the extra is not installed."""
    monkeypatch.setitem(sys.modules, "torch", None)


def test_an_embedder_that_is_not_installed_is_said_by_suggest_and_holds_up_no_import(
    workspace: Workspace, settings: Settings, clock: SteeredClock, tmp_path: Path, without_torch: None
) -> None:
    chosen = settings.model_copy(update={"ai": AiSettings(embedder="multilingual", threads=1)})
    with Engagerr(chosen, clock=clock) as engagerr:
        work = engagerr.workspace()
        assert bring(work, tmp_path, *a_show()).items_new == 16
        with pytest.raises(InvalidInput, match=r"ai\.embedder is 'multilingual'.*not installed: torch") as refused:
            work.content.suggest()
    assert 'pip install "engagerr[local-ai]"' in str(refused.value.hint)


def test_an_embedder_that_nobody_has_is_refused_when_it_is_opened(settings: Settings, without_torch: None) -> None:
    with pytest.raises(InvalidInput, match="no local embedder 'klingon'") as refused:
        chosen_embedder(AiSettings(embedder="klingon"))
    assert "english, multilingual" in str(refused.value.hint)
    assert AiSettings().embedder == "none"
