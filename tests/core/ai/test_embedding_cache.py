"""The cache of embeddings: by model and by words, one tenant's own, and never in anybody's way."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from engagerr import Engagerr, Workspace
from engagerr.core.ai import (
    KeptSpace,
    embed_cached,
    keep_only,
    kept_space,
    known_embeddings,
    store_embeddings,
    unknown_texts,
)
from engagerr.core.ai.embeddings import Embedder
from engagerr.core.errors import Broken
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from sqlalchemy import text
from tests.fakes.embedder import WordEmbedder

TEXTS = ["trail shoes, tested", "how we pack for a week", "gear talk"]


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


def embed(workspace: Workspace, engagerr: Engagerr, embedder: Embedder, texts: list[str]) -> NDArray[np.float32]:
    with engagerr.database.transaction(workspace.tenant.id) as session:
        return embed_cached(session, tenant_id=workspace.tenant.id, embedder=embedder, texts=texts)


def kept(workspace: Workspace, engagerr: Engagerr) -> int:
    with engagerr.database.transaction(workspace.tenant.id) as session:
        return int(session.execute(text("SELECT count(*) FROM content_embeddings")).scalar_one())


def test_the_same_words_are_embedded_once_and_read_as_they_were_first_given(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    first = embed(workspace, engagerr, embedder, TEXTS)
    again = embed(workspace, engagerr, embedder, [*reversed(TEXTS), "a new one"])
    assert embedder.asked == [*TEXTS, "a new one"]
    assert np.array_equal(again[:3], first[::-1])
    assert first.dtype == np.float32
    assert np.allclose(np.linalg.norm(again, axis=1), 1, atol=1e-6)
    assert np.allclose(first, WordEmbedder().embed(TEXTS), atol=1e-3)


def test_a_changed_text_is_embedded_again(workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder) -> None:
    embed(workspace, engagerr, embedder, ["gear talk"])
    embed(workspace, engagerr, embedder, ["gear talk!"])
    assert embedder.asked == ["gear talk", "gear talk!"]


def test_a_text_that_comes_twice_is_embedded_once(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    rows = embed(workspace, engagerr, embedder, ["gear talk", "another", "gear talk"])
    assert embedder.asked == ["gear talk", "another"]
    assert np.array_equal(rows[0], rows[2])


def test_empty_texts_are_zeros_and_neither_embedded_nor_kept(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    rows = embed(workspace, engagerr, embedder, ["", " \n", "gear talk"])
    assert embedder.asked == ["gear talk"]
    assert not rows[:2].any()
    assert kept(workspace, engagerr) == 1
    assert embed(workspace, engagerr, embedder, []).shape == (0, 64)
    assert not embed(workspace, engagerr, embedder, [""]).any()


def test_half_a_surrogate_pair_does_not_stop_a_run(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    class Reader(WordEmbedder):
        def _direction(self, word: str) -> NDArray[np.float32]:
            return super()._direction(word.encode("utf-8", "replace").decode())

    embed(workspace, engagerr, Reader(), ["cut \ud83d"])
    assert kept(workspace, engagerr) == 1


def test_another_version_of_the_model_makes_its_own_vectors(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    embed(workspace, engagerr, embedder, TEXTS)
    newer = WordEmbedder("words 2", dimensions=32)
    assert embed(workspace, engagerr, newer, TEXTS).shape == (3, 32)
    assert newer.asked == TEXTS
    assert kept(workspace, engagerr) == 6


def test_a_changed_model_of_the_same_name_is_refused(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    embed(workspace, engagerr, embedder, TEXTS)
    with pytest.raises(Broken, match="not of 32 numbers"):
        embed(workspace, engagerr, WordEmbedder(dimensions=32), TEXTS)


def test_what_one_tenant_embedded_another_does_not_know(
    workspace: Workspace, other_workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    embed(workspace, engagerr, embedder, TEXTS)
    embed(other_workspace, engagerr, embedder, TEXTS)
    assert embedder.asked == TEXTS * 2


def test_two_runs_at_once_neither_wait_nor_fail_and_keep_each_text_once(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    tenant_id = workspace.tenant.id
    with engagerr.database.transaction(tenant_id) as one, engagerr.database.transaction(tenant_id) as other:
        # Whoever waited for the transaction that is still open would fail here instead of hanging.
        other.execute(text("SET LOCAL lock_timeout = '2s'"))
        first = embed_cached(one, tenant_id=tenant_id, embedder=embedder, texts=TEXTS)
        second = embed_cached(other, tenant_id=tenant_id, embedder=embedder, texts=[*TEXTS, "a new one"])
    assert np.array_equal(first, second[:3])
    assert kept(workspace, engagerr) == 3
    embed(workspace, engagerr, embedder, ["a new one"])
    assert kept(workspace, engagerr) == 4


def test_a_run_that_fails_keeps_nothing(workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder) -> None:
    with (
        contextlib.suppress(RuntimeError),
        engagerr.database.transaction(workspace.tenant.id) as session,
    ):
        embed_cached(session, tenant_id=workspace.tenant.id, embedder=embedder, texts=TEXTS)
        raise RuntimeError
    assert kept(workspace, engagerr) == 0


def test_embedding_can_happen_between_two_transactions(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    tenant_id = workspace.tenant.id
    embed(workspace, engagerr, embedder, TEXTS[:1])
    with engagerr.database.transaction(tenant_id) as session:
        rows, known = known_embeddings(session, tenant_id=tenant_id, embedder=embedder, texts=[*TEXTS, ""])
    assert known.tolist() == [True, False, False, True]
    assert not rows[1:].any()
    made = embedder.embed(TEXTS[1:])
    with engagerr.database.transaction(tenant_id) as session:
        for _ in range(2):
            store_embeddings(session, tenant_id=tenant_id, embedder=embedder, texts=TEXTS[1:], vectors=made)
    assert kept(workspace, engagerr) == 3


def test_progress_counts_what_is_new(workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder) -> None:
    embed(workspace, engagerr, embedder, TEXTS)
    told: list[tuple[int, int]] = []
    with engagerr.database.transaction(workspace.tenant.id) as session:
        embed_cached(
            session, tenant_id=workspace.tenant.id, embedder=embedder, texts=[*TEXTS, "a new one"],
            progress=lambda done, of: told.append((done, of)),
        )  # fmt: skip
    assert told == [(1, 1)]


def test_kept_vectors_are_found_by_their_key_under_row_level_security(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    embed(workspace, engagerr, embedder, TEXTS)
    with engagerr.database.transaction(workspace.tenant.id) as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(
            text(
                "EXPLAIN SELECT vector FROM content_embeddings"
                " WHERE tenant_id = :tenant_id AND model = :model AND content_hash = ANY(:hashes)"
            ),
            {"tenant_id": workspace.tenant.id, "model": "words 1", "hashes": [bytes(16)]},
        )
        condition = next(line for (line,) in plan if "Index Cond" in line)
    assert all(column in condition for column in ("tenant_id", "model", "content_hash"))


@given(
    arrays.arrays(
        np.float32, (3, 8), elements=st.floats(-1, 1, width=32).filter(lambda number: not 0 < abs(number) < 1e-3)
    )
)
def test_half_precision_keeps_cosines_to_two_thousandths(raw: NDArray[np.float32]) -> None:
    from engagerr.core.ai.embedding_cache import _from_bytes

    lengths = np.linalg.norm(raw, axis=1, keepdims=True)
    rows = np.where(lengths > 0, raw / np.where(lengths > 0, lengths, 1), 0)
    read = _from_bytes(rows.astype("<f2").tobytes(), 3, WordEmbedder(dimensions=8))
    assert np.allclose(read @ read.T, rows @ rows.T, atol=2e-3)
    assert np.array_equal(read.any(axis=1), rows.any(axis=1))


def test_what_has_to_be_embedded_yet_is_told_once_and_in_its_order(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    embed(workspace, engagerr, embedder, TEXTS[:1])
    with engagerr.database.transaction(workspace.tenant.id) as session:

        def unknown(space: Embedder) -> list[str]:
            texts = ["b", "", TEXTS[0], "a", "b", "  ", TEXTS[1]]
            return unknown_texts(session, tenant_id=workspace.tenant.id, space=space, texts=texts)

        assert unknown(embedder) == ["b", "a", TEXTS[1]]
        assert unknown(WordEmbedder("another")) == ["b", TEXTS[0], "a", TEXTS[1]]


def test_whose_vectors_are_kept_is_known_until_there_are_those_of_two(
    workspace: Workspace, engagerr: Engagerr, embedder: WordEmbedder
) -> None:
    others = [WordEmbedder("zebra", dimensions=32), WordEmbedder("ant", dimensions=16)]

    def held() -> KeptSpace | None:
        with engagerr.database.transaction(workspace.tenant.id) as session:
            return kept_space(session, tenant_id=workspace.tenant.id)

    assert held() is None
    embed(workspace, engagerr, embedder, TEXTS)
    assert held() == KeptSpace(embedder.name, embedder.dimensions)
    for other in others:
        embed(workspace, engagerr, other, TEXTS)
    assert held() is None
    with engagerr.database.transaction(workspace.tenant.id) as session:
        keep_only(session, tenant_id=workspace.tenant.id, space=others[0])
    assert held() == KeptSpace("zebra", 32)
    with engagerr.database.transaction(workspace.tenant.id) as session:
        keep_only(session, tenant_id=workspace.tenant.id, space=None)
    assert kept(workspace, engagerr) == 0
