"""Data that waits: lost sign-ins, syncs that fall behind, jobs that failed, links to review, figures that stand out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from engagerr.core.desk.agenda_items import (
    MOST_OF_A_KIND,
    AgendaItem,
    AgendaKind,
    Sources,
    Subject,
    Urgency,
    day_in_words,
    span_in_words,
)
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace

ASKED = MOST_OF_A_KIND + 1
# A token that lasts days is renewed by the syncs long before its end; one of hours is renewed each time.
LONG_LIVED = timedelta(days=3)
EXPIRY_DAYS = 7
LATE_AFTER = timedelta(hours=6)
CHANGED_DAYS, AHEAD_DAYS = 92, 30
MOVERS = 8
ANOMALY_DAYS, SERIES_DAYS = 7, 60
_FEWEST_ANSWERS, _ANSWERS = 10, 200
_PLATFORMS = {"youtube": "YouTube", "tiktok": "TikTok", "linkedin": "LinkedIn", "apple_podcasts": "Apple Podcasts"}


def sources(work: Workspace, now: datetime) -> Sources:
    """How many connected accounts are in step, behind (something was due six hours ago), or need somebody."""
    with work.access.transaction(Permission.READ) as session:
        row = session.execute(text(_SOURCES), {"tenant_id": work.tenant.id, "late": now - LATE_AFTER}).one()
    return Sources(fresh=row.fresh, late=row.late, broken=row.broken)


def connections(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Sign-ins that a platform no longer accepts, and long-lived ones that end within a week."""
    values = {
        "tenant_id": work.tenant.id, "soon": now + timedelta(days=EXPIRY_DAYS), "long": LONG_LIVED, "limit": ASKED,
    }  # fmt: skip
    with work.access.transaction(Permission.READ) as session:
        rows = session.execute(text(_GRANTS), values).all()
    for row in rows:
        name = f"{row.platform}:{row.handle}"
        whose = f"{row.creator} ({name})" if row.creator else name
        lost = row.state == "lost"
        days = None if row.expires_at is None else (row.expires_at - now).days
        ends = "" if days is None else "has expired" if row.expires_at <= now else f"expires {span_in_words(days)}"
        since = f" on {day_in_words(row.lost_at)}" if row.lost_at else ""
        yield AgendaItem(
            key=f"connection:{row.account_id}:{row.connector}",
            kind=AgendaKind.CONNECTION,
            urgency=Urgency.ATTENTION,
            title=f"Sign-in of {whose} " + ("is lost" if lost else ends),
            detail=f"{row.connector} stopped accepting it{since}{f': {row.lost_reason}' if row.lost_reason else ''}."
            " No new figures come until the creator signs in again." if lost
            else f"It ends on {day_in_words(row.expires_at)}, and no sync has renewed it. Figures stop then unless the"
            " creator signs in again.",
            amount=None,
            due=None if lost else row.expires_at,
            subject=Subject("account", row.account_id, name),
            decision="sign in",
        )  # fmt: skip


def syncs(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Connected accounts whose syncs fail or are behind; those whose sign-in is lost are listed as that."""
    with work.access.transaction(Permission.READ) as session:
        rows = session.execute(
            text(_BEHIND), {"tenant_id": work.tenant.id, "late": now - LATE_AFTER, "limit": ASKED}
        ).all()
    for row in rows:
        name = f"{row.platform}:{row.handle}"
        whose = f"{row.creator} ({name})" if row.creator else name
        failed = row.failing > 0
        why = f": {row.why.rstrip('.')}" if failed and row.why else ""
        yield AgendaItem(
            key=f"sync:{row.account_id}",
            kind=AgendaKind.SYNC,
            urgency=Urgency.ATTENTION if failed else Urgency.NEWS,
            title=f"Sync of {whose} " + ("fails" if failed else "is behind"),
            detail=f"{', '.join(row.streams)}{why}. Figures are as of "
            + (day_in_words(row.complete_until) if row.complete_until else "an unknown day")
            + (", and it is tried again by itself." if not failed else " until it works again."),
            amount=None,
            due=None,
            subject=Subject("account", row.account_id, name),
            decision="retry",
        )


def jobs(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """Jobs of the schedule whose last run failed."""
    with work.access.transaction(Permission.READ) as session:
        rows = session.execute(text(_FAILED_JOBS), {"tenant_id": work.tenant.id}).all()
    for row in rows:
        yield AgendaItem(
            key=f"job:{row.name}",
            kind=AgendaKind.JOB,
            urgency=Urgency.ATTENTION,
            title=f"The job {row.name} failed",
            detail=f"{day_in_words(row.last_finished_at)}: {(row.why or 'it did not say why').rstrip('.')}."
            + (" It runs again by itself." if row.enabled else " It is not enabled."),
            amount=None,
            due=None,
            subject=Subject("job", row.name, row.name),
            decision="run again",
        )


def reviews(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """Links between items that wait for a yes or no: one item for all of them, with the time that they take here."""
    work.access.require(Permission.DECIDE_CONTENT)
    progress = work.review.progress()
    waiting = progress.waiting - progress.skipped
    if waiting <= 0:
        return
    with work.access.transaction(Permission.READ) as session:
        pace = session.execute(text(_PACE), {"tenant_id": work.tenant.id, "answers": _ANSWERS}).one()
    taken = ""
    if pace.answers >= _FEWEST_ANSWERS:
        minutes = max(1, round(waiting * float(pace.seconds) / 60))
        taken = f" ≈ {minutes} min at the pace of the last {pace.answers} answers."
    links = "1 content link waits" if waiting == 1 else f"{waiting:,} content links wait"
    yield AgendaItem(
        key="review:content",
        kind=AgendaKind.REVIEW,
        urgency=Urgency.QUESTION,
        title=f"{links} for a yes or no",
        detail=f"Until then these items stand alone, and their families' figures are incomplete.{taken}",
        amount=None,
        due=None,
        subject=Subject("review", "content", "Content links"),
        decision="review",
    )


def applications(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """Applications and invitations that others sent and that nobody has answered."""
    for one in work.marketplace.approaches.inbox(state="sent")[:ASKED]:
        applies = one.kind == "application"
        other = one.other or "Somebody"
        yield AgendaItem(
            key=f"application:{one.id}",
            kind=AgendaKind.APPLICATION,
            urgency=Urgency.QUESTION,
            title=f"{other} applies with {one.creator}: {one.brief}" if applies
            else f"{other} invites {one.creator}: {one.brief}",
            detail=f"Sent on {day_in_words(one.sent_at)}. They wait for a yes or no; it stays open until then.",
            amount=None,
            due=None,
            subject=Subject("approach", one.id, one.brief),
            decision="accept or decline",
        )  # fmt: skip


def definitions(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Metrics of this workspace's platforms that changed their meaning in the last 92 days, or will within 30."""
    with work.access.transaction(Permission.READ) as session:
        here = set(session.execute(text(_PLATFORMS_HERE), {"tenant_id": work.tenant.id}).scalars())
    today, seen = now.date(), set()
    rules = work.metrics.definitions()
    ended = {(rule.platform, rule.metric, rule.valid_to) for rule in rules if rule.valid_to}
    for rule in rules:
        since = rule.valid_from
        if since is None or rule.platform not in here or (rule.platform, rule.metric, since) not in ended:
            continue
        if not -AHEAD_DAYS <= (today - since).days <= CHANGED_DAYS or (rule.platform, rule.metric, since) in seen:
            continue
        seen.add((rule.platform, rule.metric, since))
        platform, ahead = _PLATFORMS.get(rule.platform, rule.platform.capitalize()), since > today
        yield AgendaItem(
            key=f"definition:{rule.platform}:{rule.metric}:{since.isoformat()}",
            kind=AgendaKind.DEFINITION,
            urgency=Urgency.QUESTION,
            title=f"{platform} {rule.metric.replace('_', ' ')} "
            f"{'will change' if ahead else 'changed'} meaning on {since.day} {since:%b %Y}",
            detail="Figures before and after are not of one quantity: reports that span the day compare both"
            " definitions and add nothing up across it. History is not rewritten.",
            amount=None,
            due=datetime.combine(since, time(), tzinfo=UTC) if ahead else None,
            subject=Subject("definition", rule.id, f"{rule.platform} {rule.metric}"),
            decision="look",
        )


def anomalies(work: Workspace, now: datetime) -> Iterator[AgendaItem]:
    """Rises and falls of followers that stood out in the last seven days.

    Looked at are the eight creators whose following moved most within 30 days by their profiles, so that a roster of
    ten thousand costs no more than one of ten.
    """
    with work.access.transaction(Permission.READ) as session:
        movers = session.execute(text(_MOVERS), {"tenant_id": work.tenant.id, "limit": MOVERS}).all()
    for mover in movers:
        grown = work.insights.growth(str(mover.creator_id), since=now - timedelta(days=SERIES_DAYS))
        for subject in grown.subjects:
            if subject.subject_type != "account":
                continue
            for anomaly in subject.anomalies:
                if anomaly.until >= now - timedelta(days=ANOMALY_DAYS):
                    yield _anomaly(mover, subject, anomaly)


def _anomaly(mover: Any, subject: Any, anomaly: Any) -> AgendaItem:
    usual = f"; {anomaly.usual_per_day:+,.0f} a day is usual" if anomaly.usual_per_day is not None else ""
    return AgendaItem(
        key=f"anomaly:{subject.subject_id}:{anomaly.until:%Y-%m-%d}",
        kind=AgendaKind.ANOMALY,
        urgency=Urgency.QUESTION,
        title=f"{mover.name}: {anomaly.change:+,.0f} {subject.metric} on {subject.platform} stands out",
        detail=f"From {day_in_words(anomaly.since)} to {day_in_words(anomaly.until)}{usual}. {anomaly.verdict}.",
        amount=None,
        due=None,
        subject=Subject("account", subject.subject_id, subject.subject),
        decision="look",
    )


# Kinds of tasks that the agenda reads at their source; see `events.tasks` and who opens them.
_READ_ELSEWHERE = {
    "hold.must_end", "dispute.open", "deliverable.answer_due", "disclosure.missing", "rights.expiring", "grant.lost",
    "sync.failed", "job.failed",
}  # fmt: skip
_MONEY = {"hold", "payment", "refund", "recall", "dispute", "payout", "payee", "tax", "tax_form", "difference",
          "reconciliation", "invoice", "subscription", "operation", "books"}  # fmt: skip
_DEALS = {"milestone", "deal", "contract", "proposal", "deliverable", "disclosure", "rights"}


def tasks(work: Workspace, _now: datetime) -> Iterator[AgendaItem]:
    """What else was opened for a person to see to; of money and deals only for who may read those."""
    with work.access.transaction(Permission.READ) as session:
        money, dealing = (
            work.access.allows(session, permission) for permission in (Permission.READ_MONEY, Permission.READ_DEALS)
        )
    for task in work.sync.tasks():
        about = task.kind.partition(".")[0]
        if task.kind in _READ_ELSEWHERE or (about in _MONEY and not money) or (about in _DEALS and not dealing):
            continue
        yield AgendaItem(
            key=f"task:{task.id}",
            kind=AgendaKind.TASK,
            urgency=Urgency.ATTENTION,
            title=task.message.rstrip("."),
            detail=f"Since {day_in_words(task.opened_at)}. It stays until it is mended: {task.hint.rstrip('.')}.",
            amount=None,
            due=None,
            subject=Subject("task", task.id, task.subject),
            decision="mend",
        )


# Each table is read through once, and of the streams only those that are not well go on: asked account by account,
# thirty thousand of them take ten times as long.
_SOURCES = """
SELECT count(*) FILTER (WHERE lost OR failing) AS broken,
       count(*) FILTER (WHERE NOT lost AND NOT failing AND late) AS late,
       count(*) FILTER (WHERE NOT lost AND NOT failing AND NOT late) AS fresh
FROM (
  SELECT bool_or(grants.state = 'lost') AS lost, coalesce(bool_or(stream.failing), false) AS failing,
         bool_or(stream.account_id IS NOT NULL) AS late
  FROM platform_grants AS grants
  LEFT JOIN (
    SELECT account_id, connector, bool_or(state IN ('failed', 'permission_denied')) AS failing
    FROM sync_checkpoints
    WHERE tenant_id = :tenant_id
      AND (state IN ('failed', 'permission_denied') OR state IN ('ok', 'waiting') AND next_due_at < :late)
    GROUP BY account_id, connector
  ) AS stream ON stream.account_id = grants.account_id AND stream.connector = grants.connector
  WHERE grants.tenant_id = :tenant_id AND grants.state IN ('active', 'lost')
  GROUP BY grants.account_id
) AS account
"""
_GRANTS = """
SELECT grants.account_id, grants.connector, grants.state, grants.expires_at, grants.lost_at, grants.lost_reason,
       account.platform, account.handle, creator.name AS creator
FROM platform_grants AS grants
JOIN accounts AS account ON account.tenant_id = grants.tenant_id AND account.id = grants.account_id
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
WHERE grants.tenant_id = :tenant_id
  AND (grants.state = 'lost'
       OR grants.state = 'active' AND grants.expires_at <= :soon
          AND grants.expires_at - coalesce(grants.renewed_at, grants.connected_at) >= :long)
ORDER BY grants.state = 'lost' DESC, grants.expires_at, account.platform, account.handle_key LIMIT :limit
"""
_BEHIND = """
SELECT behind.*, account.platform, account.handle, creator.name AS creator
FROM (
  SELECT seen.tenant_id, seen.account_id, array_agg(DISTINCT seen.stream ORDER BY seen.stream) AS streams,
         count(*) FILTER (WHERE seen.state IN ('failed', 'permission_denied')) AS failing,
         min(seen.error ->> 'message') AS why, min(seen.complete_until) AS complete_until
  FROM sync_checkpoints AS seen
  JOIN platform_grants AS grants ON grants.tenant_id = seen.tenant_id AND grants.account_id = seen.account_id
                                AND grants.connector = seen.connector AND grants.state = 'active'
  WHERE seen.tenant_id = :tenant_id
    AND (seen.state IN ('failed', 'permission_denied') OR seen.state IN ('ok', 'waiting') AND seen.next_due_at < :late)
  GROUP BY seen.tenant_id, seen.account_id
  ORDER BY count(*) FILTER (WHERE seen.state IN ('failed', 'permission_denied')) > 0 DESC, min(seen.next_due_at)
  LIMIT :limit
) AS behind
JOIN accounts AS account ON account.tenant_id = behind.tenant_id AND account.id = behind.account_id
LEFT JOIN creators AS creator ON creator.tenant_id = account.tenant_id AND creator.id = account.creator_id
"""
_FAILED_JOBS = """
SELECT name, enabled, last_finished_at, last_result #>> '{error,message}' AS why
FROM jobs WHERE tenant_id = :tenant_id AND last_state = 'failed' ORDER BY name
"""
# How long an answer takes: the time since the same person's last one, where they stayed at it.
_PACE = """
SELECT count(*) AS answers, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
FROM (
  SELECT extract(epoch FROM at - lag(at) OVER (PARTITION BY member_id ORDER BY at)) AS seconds
  FROM (SELECT member_id, at FROM content_decisions WHERE tenant_id = :tenant_id AND member_id IS NOT NULL
        ORDER BY at DESC, id DESC LIMIT :answers) AS newest
) AS gaps WHERE seconds BETWEEN 0.5 AND 600
"""
_PLATFORMS_HERE = "SELECT DISTINCT platform FROM accounts WHERE tenant_id = :tenant_id"
_MOVERS = """
SELECT creator_id, name FROM creator_profiles
WHERE tenant_id = :tenant_id AND growth_30d IS NOT NULL AND status = 'active'
ORDER BY abs(growth_30d) DESC, creator_id LIMIT :limit
"""
