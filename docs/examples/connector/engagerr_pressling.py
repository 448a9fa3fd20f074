"""Pressling, a newsletter service that does not exist: issues with their recipients, opens and clicks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from engagerr.core.integrations.connector import (
    Account,
    Answer,
    Ask,
    Call,
    Connector,
    Fault,
    FaultKind,
    Identity,
    Limits,
    OAuth2,
    Page,
    Part,
    Scope,
    Stream,
    Window,
)
from engagerr.core.integrations.faults import judge_by_status
from engagerr.core.integrations.fields import ask_for_fields
from engagerr.core.integrations.formats.saved_json import BadField, identifier, moment, objects, part, words
from engagerr.core.integrations.paging import by_token
from engagerr.core.integrations.platforms.salvage import Salvage, merged, missing_figures
from engagerr.core.integrations.records import AccountRecord, ItemRecord, Record, State
from engagerr.core.integrations.urls import find_urls

READ = Scope("issues.read", "see your issues and how often they were opened")
FIGURES = {"recipients": "recipients", "opens": "opens", "clicks": "clicks"}  # our name: Pressling's
FIX = "Report it: the page is kept, and `engagerr sync replay` reads it again with a mended connector."


def identify(ask: Ask, account: Account | None) -> tuple[Identity, ...]:
    body = ask(Call(name="me", path="/v1/me")).body
    return (
        Identity(
            AccountRecord(
                row=1, platform="pressling", handle=words(part(body, "handle")), native_id=identifier(part(body, "id")),
                name=words(part(body, "name")),
            )
        ),
    )  # fmt: skip


def fetch_issues(ask: Ask, window: Window) -> Iterator[Page]:
    call = Call(name="issues", path="/v1/issues", params={"limit": 50})
    for answer, cursor in by_token(ask, call, param="cursor", at="next_cursor", cursor=window.cursor):
        issues = objects(part(answer.body, "issues"))
        oldest = sent_at(issues[-1]) if issues else None
        at_end = window.since is not None and oldest is not None and oldest < window.since
        parts = (Part(name="issues", body=answer.body), *figures_of(ask, issues))
        yield Page(parts=parts, next=None if at_end else cursor)
        if at_end:
            return


def figures_of(ask: Ask, issues: list[Any]) -> Iterator[Part]:
    ids = [known for issue in issues if (known := identifier(part(issue, "id")))]
    if not ids:
        return

    def call_of(fields: tuple[str, ...]) -> Call:
        return Call(name="stats", path="/v1/stats", params={"issues": ",".join(ids), "fields": ",".join(fields)})

    answers, missing = ask_for_fields(ask, tuple(FIGURES.values()), call_of, kind="stats")
    for answer in answers:
        yield Part(name="stats", body=answer.body)
    if missing:
        yield Part(name="stats", missing=missing)


def sent_at(issue: Any) -> datetime | None:
    try:
        return moment(part(issue, "sent_at"), "sent_at")
    except BadField:
        return None


def read_issues(page: Page, account: Account) -> Iterator[Record]:
    stats = list(page.bodies("stats"))
    missing = {name: state for one in stats for name, state in one.missing.items()}
    row = 0
    for listing in page.bodies("issues"):
        for issue in objects(part(listing.body, "issues")):
            row += 1
            told = [part(one.body, "stats", str(part(issue, "id"))) for one in stats]
            yield from issue_records(row, issue, account, told, missing)


def issue_records(
    row: int, issue: Any, account: Account, told: list[Any], missing: Mapping[str, State]
) -> Iterator[Record]:
    salvage = Salvage(row, FIX)
    native_id = identifier(part(issue, "id"))
    if native_id is None:
        salvage.reject("id", part(issue, "id"), "An issue without an id cannot be told from others.")
        yield from salvage.rejections
        return
    summary = words(part(issue, "summary"))
    figures = [salvage.figures(one, FIGURES) for one in told if isinstance(one, dict)]
    record = ItemRecord(
        row=row, platform="pressling", native_id=native_id, kind="post", account=account.handle,
        account_native_id=account.native_id, title=words(part(issue, "title")), body=summary,
        url=words(part(issue, "url")), published_at=salvage.read(moment, part(issue, "sent_at"), "sent_at"),
        links=find_urls(summary or ""), metrics=merged(*figures, missing_figures(FIGURES, missing)),
    )  # fmt: skip
    yield record
    yield from salvage.rejections


def judge(answer: Answer) -> Fault | None:
    fault = judge_by_status(answer)
    code = part(answer.body, "error", "code")
    if fault is None or code not in ("unknown_field", "field_not_allowed"):
        return fault
    field = words(part(answer.body, "error", "field"))
    state = State.NOT_REPORTED if code == "unknown_field" else State.PERMISSION_DENIED
    return replace(fault, kind=FaultKind.FIELDS, fields=(field,) if field else (), state=state)


CONNECTOR = Connector(
    name="pressling",
    platform="pressling",
    title="Pressling",
    base_url="https://api.pressling.example",
    documentation="https://pressling.example/developers",
    auth=OAuth2(
        authorize_url="https://pressling.example/authorize",
        token_url="https://api.pressling.example/oauth/token",
        scopes=(READ,),
    ),
    streams=(
        Stream(
            name="issues",
            title="Issues",
            yields="issues with their links, recipients, opens and clicks",
            fetch=fetch_issues,
            read=read_issues,
            every=timedelta(hours=12),
            lag=timedelta(days=7),  # opens still come a week after an issue was sent
            whole_every=timedelta(days=30),
            scopes=(READ.name,),
        ),
    ),
    identify=identify,
    judge=judge,
    limits=Limits(account_per_second=2.0),
)
