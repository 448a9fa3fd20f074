"""What each job of the schedule does, and how often unless somebody changes it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagerr.core.errors import Broken, EngagerrError, Unavailable
from engagerr.core.tenancy import Permission

if TYPE_CHECKING:
    from engagerr.core.api import Workspace


class Stopped(BaseException):
    """Somebody asked the process to end, and the job did, after the page in flight. Not an error of the job, and so
    not an Exception: nothing on the way out may take it for one."""


@dataclass(frozen=True, slots=True)
class Job:
    """A named function of a workspace that returns what it did, as JSON has it. It ends early, raising `Stopped`,
    once the event is set, if it has a place to do so. `needs` is what its caller must be allowed."""

    name: str
    does: str
    cron: str
    needs: Permission
    run: Callable[[Workspace, threading.Event], dict[str, Any]]
    jitter_seconds: int = 0


def _sync(work: Workspace, stop: threading.Event) -> dict[str, Any]:
    report = work.sync.run(stop=stop)
    if report.state == "interrupted":
        raise Stopped
    if report.state == "failed":
        first = report.failures[0]
        error = first.error or {}
        raise Unavailable(
            f"No stream could be synced; the first, {first.stream} of {first.account}: {error.get('message')}",
            hint=error.get("hint") or "`engagerr sync status` says how each account stands.",
            facts={"run": str(report.run_id), "failed": len(report.failures)},
        )
    return {
        "run": str(report.run_id), "outcome": report.state, "streams": len(report.results), "not_due": report.not_due,
        "failed": len(report.failures), "skipped": len(report.skipped),
        "pages": sum(result.pages for result in report.results),
        "items_new": sum(result.items_new for result in report.results),
        "observations_new": sum(result.observations_new for result in report.results),
        "next_due_at": report.next_due_at.isoformat() if report.next_due_at else None,
    }  # fmt: skip


def _deliver_events(work: Workspace, _stop: threading.Event) -> dict[str, Any]:
    delivered = work.events.deliver()
    failed = [one for one in delivered if one.error is not None]
    if failed:
        raise Unavailable(
            f"{', '.join(one.subscriber for one in failed)} could not be told what happened: {failed[0].error}",
            hint="Each is told again after a pause; `engagerr event subscribers` shows what waits.",
            facts={one.subscriber: one.error for one in failed},
        )
    return {one.subscriber: {"events": one.events, "made": one.made} for one in delivered}


def _partitions(work: Workspace, _stop: threading.Event) -> dict[str, Any]:
    from engagerr.core.db.partitions import MonthsAreMoving, Partitions, ensure_partitions

    today = work.access.clock.now().date()
    this_month = today.replace(day=1)
    next_month = this_month.replace(year=today.year + today.month // 12, month=today.month % 12 + 1)
    with work.access.database.system() as session:
        made = ensure_partitions(session, [this_month, next_month])
    done: dict[str, Any] = {"months": [f"{month:%Y-%m}" for month in (this_month, next_month)], "made": made}
    partitions = Partitions(work.access.database, work.access.settings, work.access.clock)
    if due := partitions.due():  # nothing is without the policy, and then nobody needs the owner's login
        # Each workspace of the database has this job: whoever comes second finds the months moving, or moved.
        with contextlib.suppress(MonthsAreMoving):
            done["retired"] = [f"{moved.month:%Y-%m}" for moved in partitions.retire(due) if moved.moved]
    return done


def _mapping(work: Workspace, stop: threading.Event) -> dict[str, Any]:
    def stop_here(_done: int, _of: int) -> None:
        if stop.is_set():
            raise Stopped

    stats = work.content.suggest(progress=stop_here, embedding=stop_here).stats
    return {
        "items": stats.items, "compared": stats.compared, "new": stats.new, "auto_confirmed": stats.auto_confirmed,
        "reweighed": stats.reweighed, "withdrawn": stats.withdrawn,
    }  # fmt: skip


def _profiles(work: Workspace, stop: threading.Event) -> dict[str, Any]:
    def stop_here(_done: int, _of: int) -> None:
        if stop.is_set():
            raise Stopped

    prepared = work.matching.prepare(progress=stop_here)
    done: dict[str, Any] = {"made": prepared.made, "profiles": prepared.profiles}
    if prepared.vectors is not None:
        done |= {"embedded": prepared.vectors.embedded, "space": prepared.vectors.space}
    told = work.search.check()
    return done | {"searches": len(told), "new_hits": sum(len(one.new) for one in told)}


def _payments(work: Workspace, _stop: threading.Event) -> dict[str, Any]:
    return work.payments.rounds.run()


def _recheck(work: Workspace, _stop: threading.Event) -> dict[str, Any]:
    seen = work.deliverables.recheck()
    return {
        "pieces": seen.pieces, "failing": seen.failing, "changed": len(seen.changed),
        "approved_by_silence": seen.approved_by_silence, "rights_ending": seen.rights_ending,
    }  # fmt: skip


def _reconcile(work: Workspace, _stop: threading.Event) -> dict[str, Any]:
    run = work.payments.reconciliation.run()
    return {
        "tax_forms_ending": work.payments.taxes.remind(),
        "lines": run.lines,
        "matched": run.matched,
        "opened": run.opened,
        "adopted": run.adopted,
    }


def _verify_books(work: Workspace, _stop: threading.Event) -> dict[str, Any]:
    verdict = work.payments.ledger.verify()
    if not verdict.sound:
        raise Broken(
            f"The books are not sound: {verdict.breaks[0].what}.",
            hint="Nothing is released until they are. Keep the database as it is; engagerr payment verify shows where.",
            facts={"breaks": len(verdict.breaks), "transfers": verdict.transfers},
        )
    return {"transfers": verdict.transfers, "accounts": verdict.accounts}


def _verify_audit(work: Workspace, _stop: threading.Event) -> dict[str, Any]:
    verdict = work.verify_audit()
    if not verdict.intact:
        raise Broken(
            f"The audit log is not intact: entry {verdict.first_bad}: {verdict.reason}.",
            hint="Somebody changed it past Engagerr. Keep the database as it is and compare it with a backup.",
            facts={"first_bad": verdict.first_bad, "entries": verdict.entries},
        )
    return {"entries": verdict.entries}


def _send_reports(work: Workspace, stop: threading.Event) -> dict[str, Any]:
    runs = work.schedules.run_due(stop)
    failed = [run for run in runs if run.error is not None]
    if failed:
        first = failed[0].error or {}
        failure = EngagerrError(
            f"{', '.join(sorted({run.name for run in failed}))} did not reach everybody: {first.get('message')}",
            hint=first.get("hint") or "`engagerr schedule history` says who has it.",
            facts={run.name: (run.error or {}).get("message") for run in failed},
        )
        failure.category = first.get("category", "Broken")
        raise failure
    if stop.is_set():
        raise Stopped
    return {"reports": len(runs), "reached": sum(row.state == "delivered" for run in runs for row in run.deliveries)}


def _health(work: Workspace, _stop: threading.Event) -> dict[str, Any]:
    report = work.health.report()
    ill = [check for check in report.checks if check.state == "failed"]
    if not report.well:
        raise Unavailable(
            "Not well: " + "; ".join(f"{check.name}: {check.detail}" for check in ill) + ".",
            hint=ill[0].hint,
            facts={check.name: check.detail for check in ill},
        )
    return {"checks": len(report.checks), "warnings": [c.name for c in report.checks if c.state == "warning"]}


JOBS: Mapping[str, Job] = {
    job.name: job
    for job in (
        Job("sync", "fetches what is due from every connected account", "*/15 * * * *", Permission.SYNC, _sync, 30),
        Job(
            "deliver-events", "tells subscribers what they have not been told yet", "*/5 * * * *", Permission.IMPORT,
            _deliver_events,
        ),
        Job(
            "send-reports", "sends the scheduled reports that are due, and those that failed before", "*/15 * * * *",
            Permission.SCHEDULE, _send_reports, 60,
        ),
        Job("health", "runs every check of engagerr health", "7 * * * *", Permission.SYNC, _health, 60),
        Job(
            "partitions", "makes the tables of next month's figures ahead, and retires old months by policy",
            "20 0 * * *", Permission.SYNC, _partitions, 300,
        ),
        Job(
            "mapping", "looks at all content again: what belongs together, also by what its words mean", "50 1 * * *",
            Permission.DECIDE_CONTENT, _mapping, 600,
        ),
        Job(
            "profiles", "makes what creators are searched by anew, and tells kept searches what they newly find",
            "20 2 * * *", Permission.EDIT_BRIEFS, _profiles, 600,
        ),
        Job(
            "payments", "hears the payment provider, finishes what was begun, releases what is due", "*/10 * * * *",
            Permission.RELEASE, _payments, 60,
        ),
        Job(
            "recheck-deliverables", "looks again at the disclosure of what is live, and at rights that end",
            "30 3 * * *", Permission.EDIT_DEALS, _recheck, 600,
        ),
        Job(
            "reconcile", "compares the books with the provider's, and queues what a person must see", "10 4 * * *",
            Permission.RELEASE, _reconcile, 600,
        ),
        Job(
            "verify-books", "proves the ledger: every chain, every balance", "10 5 * * *", Permission.READ_MONEY,
            _verify_books, 600,
        ),
        Job(
            "verify-audit", "checks the audit log from end to end", "40 3 * * sun", Permission.READ_AUDIT,
            _verify_audit, 600,
        ),
    )
}  # fmt: skip
