"""Vectors of things with a title and a text: what tells them apart within their show."""

from __future__ import annotations

import numpy as np
from engagerr.core.ai import meaning_vectors
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.fakes.embedder import WordEmbedder

WORDS = ["tents", "stoves", "boots", "maps", "ropes", "poles", "socks", "lamps"]


def vectors(*things: tuple[str | None, str | None], groups: list[str] | None = None) -> NDArray[np.float32]:
    return meaning_vectors(
        WordEmbedder(dimensions=256).embed,
        titles=[title for title, _ in things],
        texts=[text for _, text in things],
        groups=groups or ["show"] * len(things),
    )


def test_what_every_thing_of_a_show_has_in_its_title_counts_for_little() -> None:
    titles = [f"weekly gear talk with {word}" for word in WORDS]
    rows = vectors(*((title, None) for title in titles), *((title, None) for title in titles))
    alike = rows[:8] @ rows[8:].T
    assert np.allclose(alike.diagonal(), 1, atol=1e-5)
    plain = WordEmbedder(dimensions=256).embed(titles)
    apart = ~np.eye(8, dtype=bool)
    assert alike[apart].mean() < (plain @ plain.T)[apart].mean() - 0.15


def test_a_thing_without_a_text_is_still_like_its_twin_with_a_long_one() -> None:
    rows = vectors(
        ("tents for winter", None),
        ("tents for winter", "we sleep outside at minus twenty and tell which ones held"),
        ("boots for summer", "we walk through the night and tell which ones held"),
    )
    assert rows[0] @ rows[1] > 0.5
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.5


def test_what_stands_late_in_a_long_text_counts_for_nothing() -> None:
    same = "we sleep outside. " * 20
    rows = vectors(("tents", same + "thanks to our sponsor"), ("tents", same + "all links are below"), ("boots", None))
    assert np.array_equal(rows[0], rows[1])


def test_a_thing_of_which_nothing_is_known_has_zeros_and_moves_no_other() -> None:
    things = [("tents", "winter"), ("boots", None), (None, "maps")]
    with_nothing = vectors(*things, (None, None), ("", "  "))
    assert not with_nothing[3:].any()
    assert np.allclose(with_nothing[:3], vectors(*things), atol=1e-6)


def test_shows_do_not_move_each_other() -> None:
    one, other = ("tents", None), ("boots", None)
    together = vectors(one, other, ("maps", None), groups=["a", "a", "b"])
    assert np.allclose(together[:2], vectors(one, other, groups=["a", "a"]), atol=1e-6)


@given(st.lists(st.tuples(st.sampled_from(["", "tents", "boots boots"]), st.sampled_from([None, "", "maps ropes"]))))
def test_rows_are_of_length_one_or_zero(things: list[tuple[str, str | None]]) -> None:
    rows = vectors(*things)
    known = np.array([bool((title + (text or "")).strip()) for title, text in things], dtype=bool)
    assert rows.shape == (len(things), 256)
    assert np.allclose(np.linalg.norm(rows, axis=1), known, atol=1e-5)
