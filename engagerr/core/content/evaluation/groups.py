"""Reading groups files: items as pieces, in an order and under ids that give nothing away, and the answers apart."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engagerr.core.content.detection.pieces import Piece
from engagerr.core.content.evaluation.fields import first, kind_of, moment_of, platform_of, seconds_of, text_of
from engagerr.core.content.evaluation.gold import NOT_THE_SAME, RELATIONS, SAME_WORK, Gold, make_gold, parents_among
from engagerr.core.content.links import outgoing_links
from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.records import ItemRecord
from engagerr.core.integrations.urls import parse_url

_MEMBERS = ("items", "members", "pieces")
_PAIRS = (("item_a", "item_b"), ("child", "parent"), ("clip", "source"), ("clip", "parent"), ("a", "b"))
_NOT_AN_ID = frozenset({"00000000-0000-0000-0000-000000000000", "null", "none", "n/a", "nan"})
# What platforms and feeds say beside the text. Not among them, because an editor joined them by hand and no platform
# gives them: group_id, join, source, title_source and original_title (the title that the *other* rendition had).
_HINTS = {
    "season": ("season", "season_number"),
    "episode": ("episode", "episode_number"),
    "tags": ("tags", "hashtags", "keywords"),
    "chapters": ("chapters", "timestamps"),
    "alternate_enclosures": ("alternate_enclosures", "alternate_urls"),
    "video_id": ("video_id_of_source", "source_video_id"),
    "vod_offset": ("vod_offset",),
    "persons": ("persons", "guests", "people"),
}


@dataclass(frozen=True, slots=True)
class GroupSet:
    """One file: its pieces, their answers, and what to know about how it was read.

    `groups` counts rows of groups (or pairs), `untitled` the pieces without a title, `repeated` how many pieces bear
    an id that another piece of the file has too, `rules` how often which rule told the parent of clips. `undecidable`
    are the pieces of groups of which the file itself notes that nothing tells them apart.
    """

    name: str
    path: Path
    pieces: tuple[Piece, ...]
    gold: Gold
    groups: int
    untitled: int
    repeated: int
    called: Mapping[str, int]
    rules: Mapping[str, int] = field(default_factory=dict)
    unsure: int = 0
    undecidable: frozenset[Hashable] = frozenset()

    @property
    def shows(self) -> tuple[Hashable, ...]:
        """Whose works these are."""
        return tuple(sorted({piece.show for piece in self.pieces}, key=str))


def read_groups(paths: Sequence[Path | str]) -> tuple[GroupSet, ...]:
    """Read groups files and pair files. Ids of pieces are unlike across all of them.

    A file of groups has rows `{show, relation, items: […]}`, a file of pairs `{show, relation, item_a, item_b, label}`;
    of a pair with another relation than same_work, item_a is the child. Detection must not learn from the reading what
    it is to find: the id of a piece is a hash of its own content, and the pieces come in the order of these hashes.

    Every item of a group of renditions is a piece, also where the makers gave one id to items of two groups (a real
    mistake in real data): the second one is known by a number instead, as an id that names two things names neither.
    In pairs, and in groups of clips, an item that was named before is the same piece: the source of many clips, say.

    Raises InvalidInput with file and line for a row that cannot be read; none is skipped.
    """
    if not paths:
        raise InvalidInput("No file of groups was named.", hint="Name at least one: --groups FILE.")
    files = [Path(path) for path in paths]
    twice = [path for path, times in Counter(path.resolve() for path in files).items() if times > 1]
    if twice:
        raise InvalidInput(f"{twice[0]} is named twice.", hint="Name each file once.")
    stems = Counter(path.stem for path in files)
    return tuple(
        _Reader(path, path.stem if stems[path.stem] == 1 else f"{path.parent.name}/{path.stem}").read()
        for path in files
    )


class _Reader:
    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self.pieces: dict[Hashable, Piece] = {}
        self.copies: Counter[str] = Counter()
        self.known: dict[tuple[Any, ...], Hashable] = {}
        self.same: list[tuple[Hashable, Hashable]] = []
        self.children: dict[Hashable, tuple[str, set[Hashable]]] = {}
        self.apart: set[frozenset[Hashable]] = set()
        self.called: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.unsure = 0
        self.undecidable: set[Hashable] = set()
        self.told: set[Hashable] = set()
        self.groups = 0

    def read(self) -> GroupSet:
        rows = list(_rows(self.path))
        # Works first: the source of a clip may be known from a group of its renditions, wherever that stands.
        rows.sort(key=lambda numbered: _relation(numbered[1]) != SAME_WORK)
        for line, row in rows:
            try:
                self._row(row)
            except _Unreadable as error:
                raise InvalidInput(
                    f"{self.path}, line {line}: {error.what}.",
                    hint=error.fix,
                    facts={"file": str(self.path), "line": line},
                ) from error
            self.groups += 1
        if not self.groups:
            raise InvalidInput(f"{self.path} has no rows.", hint="A groups file has one JSON object a line.")
        # No piece's place tells which group it came from: hashes know nothing of the file's order.
        ordered = [self.pieces[key] for key in sorted(self.pieces, key=str)]
        pieces, repeated = _with_ids_of_their_own(ordered)
        return GroupSet(
            name=self.name,
            path=self.path,
            pieces=pieces,
            gold=make_gold(self.pieces, same=self.same, children=self.children, apart=self.apart, told=self.told),
            groups=self.groups,
            untitled=sum(piece.title is None for piece in pieces),
            repeated=repeated,
            called=dict(self.called),
            rules=dict(self.rules),
            unsure=self.unsure,
            undecidable=frozenset(self.undecidable),
        )

    def _row(self, row: Mapping[str, Any]) -> None:
        show = text_of(first(row, "show", "channel", "creator", "series")) or self.name
        said = _said_relation(row)
        relation = _relation(row)
        if relation is None:
            raise _Unreadable(f"nobody here knows the relation “{said}”", f"Known are: {', '.join(RELATIONS)}.")
        keys = next((keys for keys in _PAIRS if all(isinstance(row.get(key), Mapping) for key in keys)), None)
        members = first(row, *_MEMBERS)
        if keys:
            self._pair(row, [row[key] for key in keys], show=show, relation=relation, said=said)
        elif isinstance(members, list) and all(isinstance(member, Mapping) for member in members) and members:
            self._group(row, members, show=show, relation=relation, said=said)
        else:
            raise _Unreadable(
                "it has neither a list “items” of objects nor the two objects “item_a” and “item_b”",
                'Write a group as {"show": …, "relation": "same_episode", "items": [{…}, {…}]}.',
            )

    def _pair(
        self, row: Mapping[str, Any], two: Sequence[Mapping[str, Any]], *, show: str, relation: str, said: str
    ) -> None:
        child, parent = (self._once(_piece(item, show=show)) for item in two)
        wrong = str(row.get("label", 1)).casefold() in {"0", "0.0", "false"}
        self.called[said] += 1
        if wrong and row.get("needs_review") is True:
            # The makers of the file do not know either.
            self.unsure += 1
        elif wrong or relation == NOT_THE_SAME:
            self.apart.add(frozenset({child, parent}))
        elif relation == SAME_WORK:
            self.same.append((child, parent))
        else:
            self.children.setdefault(child, (relation, set()))[1].add(parent)
            self.rules["item_a is the child"] += 1

    def _group(
        self, row: Mapping[str, Any], members: Sequence[Mapping[str, Any]], *, show: str, relation: str, said: str
    ) -> None:
        self.called[said] += 1
        read = [_piece(item, show=show) for item in members]
        if relation == SAME_WORK:
            pieces = tuple(self._new(piece) for piece in read)
        else:
            pieces = tuple(self.pieces[self._once(piece)] if piece.native_id else self._new(piece) for piece in read)
        if relation == SAME_WORK:
            self.same += [(pieces[0].id, piece.id) for piece in pieces[1:]]
        elif relation == NOT_THE_SAME:
            self.apart |= {frozenset({one.id, other.id}) for at, one in enumerate(pieces) for other in pieces[at + 1 :]}
        elif len(pieces) > 1:
            self._clips(members, pieces, relation)
        if str(row.get("note")).casefold() == "undecidable":
            self.undecidable |= {piece.id for piece in pieces}
        if isinstance(row.get("twins"), list):
            self._twins(row["twins"], members, pieces)

    def _clips(self, members: Sequence[Mapping[str, Any]], pieces: tuple[Piece, ...], relation: str) -> None:
        roles = tuple(str(first(item, "role", "part") or "").casefold().replace(" ", "_") or None for item in members)
        given = {text_of(item["parent_id"]) for item in members if item.get("parent_id")}
        flagged = [item.get("is_parent") is True or item.get("is_source") is True for item in members]
        said = tuple(
            piece.id
            for item, piece, flag in zip(members, pieces, flagged, strict=True)
            if flag or text_of(first(item, "id", "native_id", "video_id", "guid")) in given - {None}
        )
        parents, rule = parents_among(pieces, roles, said=said)
        self.rules[rule] += 1
        leading = sorted(parents, key=str)
        self.same += [(leading[0], other) for other in leading[1:]]
        for piece in pieces:
            if piece.id not in parents:
                self.children.setdefault(piece.id, (relation, set()))[1].update(parents)

    def _twins(self, twins: Sequence[Any], members: Sequence[Mapping[str, Any]], pieces: Sequence[Piece]) -> None:
        """Which clips are the same cut: lists of their ids."""
        names = ("id", "native_id", "video_id", "guid", "post_id")
        by_id = {text_of(first(item, *names)): piece.id for item, piece in zip(members, pieces, strict=True)}
        for several in twins:
            ids = [by_id.get(text_of(one)) for one in several] if isinstance(several, list) else [None]
            if None in ids:
                raise _Unreadable(
                    f"“twins” names {several!r}, which are no items of the group", "Name them by their ids, in lists."
                )
            self.same += [(ids[0], other) for other in ids[1:]]
        self.told |= {piece.id for piece in pieces}

    def _new(self, piece: Piece) -> Piece:
        content = _fingerprint(piece)
        self.copies[content] += 1
        copy = self.copies[content]
        made = replace(piece, id=content if copy == 1 else f"{content}.{copy}")
        self.pieces[made.id] = made
        self.known.setdefault(_name(piece, content), made.id)
        return made

    def _once(self, piece: Piece) -> Hashable:
        """The piece of that name, which an earlier row may have brought."""
        name = _name(piece, _fingerprint(piece))
        return self.known[name] if name in self.known else self._new(piece).id


def _said_relation(row: Mapping[str, Any]) -> str:
    return str(first(row, "relation", "rel") or SAME_WORK).strip().casefold().replace("-", "_").replace(" ", "_")


def _relation(row: Mapping[str, Any]) -> str | None:
    """The relation under the name that it has here; None for one that nobody knows."""
    said = _said_relation(row)
    return RELATIONS.get(said, SAME_WORK if said.startswith("same_") else None)


def _name(piece: Piece, content: str) -> tuple[Any, ...]:
    """What makes two items of a file one: their id and title, or all of their content where they have no id."""
    return piece.show, piece.platform, piece.native_id or content, (piece.title or "").casefold()


class _Unreadable(Exception):
    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each row with its line; a file that is one JSON list is read too (its rows are then counted instead)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise InvalidInput(f"{path} cannot be read: {why}.", hint="Name a groups file: JSON Lines in UTF-8.") from error
    whole = text.lstrip().startswith("[")
    lines = enumerate([text] if whole else text.split("\n"), start=1)
    for number, line in lines:
        if not line.strip():
            continue
        try:
            read = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidInput(
                f"{path}, line {number if not whole else error.lineno}: this is no JSON ({error.msg}).",
                hint="One JSON object a line; a line break inside a text is written \\n.",
                facts={"file": str(path), "line": number},
            ) from error
        for place, row in enumerate(read, start=1) if whole else ((number, read),):
            if not isinstance(row, Mapping):
                raise InvalidInput(
                    f"{path}, line {place}: a row is an object, and this is not one.",
                    hint='Write a group as {"show": …, "relation": "same_episode", "items": […]}.',
                    facts={"file": str(path), "line": place},
                )
            yield place, row


def _piece(item: Mapping[str, Any], *, show: str) -> Piece:
    try:
        platform = platform_of(first(item, "platform", "site", "network"))
        if platform is None:
            raise _Unreadable("an item names no platform", 'Add it, for example "platform": "youtube".')
        url = text_of(first(item, "url", "link", "permalink"))
        hints = {name: value for name, keys in _HINTS.items() if (value := first(item, *keys)) is not None}
        links = first(item, "links", "outgoing_links")
        piece = Piece(
            id="",
            show=show,
            platform=platform,
            account=text_of(first(item, "account", "channel", "handle", "author")) or show,
            native_id=_native_id(item, platform, url),
            kind=kind_of(item, platform=platform, url=url),
            title=text_of(first(item, "title", "name")),
            body=text_of(first(item, "description", "body", "caption", "text", "summary")),
            url=url,
            published_at=moment_of(first(item, "published_at", "published", "date", "pub_date", "upload_date", "time")),
            duration_seconds=seconds_of(first(item, "duration_seconds", "duration", "length")),
            language=text_of(first(item, "language", "lang")),
            hints=hints,
        )
    except (ValueError, OverflowError, OSError) as error:
        raise _Unreadable(
            f"an item cannot be read: {error}",
            "Dates as 2021-06-14T17:00:00Z, lengths in seconds or h:mm:ss; leave out what is not known.",
        ) from error
    return replace(piece, links=_links(piece, links))


def _native_id(item: Mapping[str, Any], platform: str, url: str | None) -> str:
    given = text_of(first(item, "native_id", "id", "video_id", "guid", "post_id"))
    if given is not None and given.casefold() not in _NOT_AN_ID:
        return given
    reference = parse_url(url) if url else None
    named = reference.native_id if reference and reference.kind == "item" and reference.platform == platform else None
    return named or url or ""


def _links(piece: Piece, links: Any) -> tuple[tuple[str, str], ...]:
    """What the item points at, told as the import tells it."""
    written = tuple(
        address
        for link in (links if isinstance(links, list) else [links] if links else [])
        if isinstance(address := link.get("url") if isinstance(link, Mapping) else link, str)
    )
    record = ItemRecord(
        row=1, platform=piece.platform, native_id=piece.native_id, title=piece.title, body=piece.body, url=piece.url,
        links=written, hints=dict(piece.hints),
    )  # fmt: skip
    return tuple(dict.fromkeys((link.platform, link.native_id) for link in outgoing_links(record)))


def _fingerprint(piece: Piece) -> str:
    told = (
        piece.show, piece.platform, piece.native_id, piece.kind, piece.title, piece.body, piece.url,
        piece.published_at, piece.duration_seconds, piece.language, piece.links, sorted(piece.hints.items()),
    )  # fmt: skip
    return hashlib.blake2b(repr(told).encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()


def _with_ids_of_their_own(pieces: Sequence[Piece]) -> tuple[tuple[Piece, ...], int]:
    """Where two pieces of a platform bear one id, only the first keeps it; and how many pieces that concerns."""
    bearers = Counter((piece.platform, piece.native_id) for piece in pieces)
    seen: set[tuple[str, str]] = set()
    made = []
    for number, piece in enumerate(pieces, start=1):
        name = (piece.platform, piece.native_id)
        its_own = bool(piece.native_id) and name not in seen
        seen.add(name)
        made.append(piece if its_own else replace(piece, native_id=f"{piece.native_id or 'unnamed'}~{number}"))
    repeated = sum(times for (_, native_id), times in bearers.items() if native_id and times > 1)
    return tuple(made), repeated
