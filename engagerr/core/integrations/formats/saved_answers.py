"""What a file of saved answers holds: each item once, and in words what of it could not be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from engagerr.core.errors import InvalidInput
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Notice, Record, Rejection


def told_once(
    records: Iterable[Record], useless: Counter[str], *, name: str, wanted: str, hint: str
) -> Iterator[Record]:
    """The records, each item once, and a notice on what had to be passed over.

    Raises `InvalidInput` where there is nothing but `useless` things, which are said in words.
    """
    nothing = True
    for record in each_once(records):
        nothing = False
        yield record
    if nothing:
        what = ", ".join(useless) or "empty"
        raise InvalidInput(
            f"{name} is {what}; it holds no {wanted} to import.", hint=hint, facts={"found": list(useless)}
        )
    for what, count in useless.items():
        yield Notice(f"Passed over {count} × {what}.")


def each_once(records: Iterable[Record]) -> Iterator[Record]:
    """The records, with a rejection that names the first in place of a second entry of the same item or account.

    Pages overlap when a list grows between two calls.
    """
    first_row: dict[tuple[str, str, str], int] = {}
    for record in records:
        if isinstance(record, ItemRecord | AccountRecord) and (key := _key(record)) is not None:
            earlier = first_row.setdefault(key, record.row)
            if earlier != record.row:
                yield Rejection(
                    row=record.row,
                    column="id",
                    value=record.native_id,
                    reason=f"Entry {earlier} of this file is the same.",
                    fix="Nothing to do if both say the same; else import the two answers as files of their own, "
                    "older first.",
                )
                continue
        yield record


def _key(record: ItemRecord | AccountRecord) -> tuple[str, str, str] | None:
    if isinstance(record, ItemRecord):
        return ("item", record.platform, record.native_id)
    # A profile and the account's days are two entries about one account, and both are wanted.
    name = record.native_id or record.handle
    dated = all(metric.observed_at is not None for metric in record.metrics)
    return None if dated or name is None else ("account", record.platform, name)
