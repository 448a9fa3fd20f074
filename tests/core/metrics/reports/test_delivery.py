"""Scheduled reports: when they are due, to whom they go, that nobody gets one twice, and what a failure costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from engagerr import Conflict, Engagerr, Forbidden, InvalidInput, NotFound, Rejected, Settings, Unavailable, Workspace
from engagerr.core.clock.cron import last_time, next_time
from engagerr.core.db import AdvisoryLock
from engagerr.core.errors import EngagerrError
from engagerr.core.events import open_tasks
from engagerr.core.integrations.mail import MailNotConfigured, Message, Post, SentAlready
from engagerr.core.metrics.reports.deliveries import MOST_ATTEMPTS
from engagerr.core.metrics.reports.delivery import ScheduleRunning, Schedules
from engagerr.core.metrics.reports.folder import FolderGone, checked_folder, put_file
from engagerr.core.metrics.reports.schedules import ReportSpec
from engagerr.core.metrics.reports.windows import WINDOWS, window_of
from engagerr.core.settings import MailSettings
from engagerr.core.tenancy import Permission
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import colleague
from tests.fakes.clock import SteeredClock
from tests.fakes.cluster import Clone
from tests.fakes.mail import RememberingPost, SmallReports

FIRST_OF_THE_MONTH = "0 6 1 * *"
ROSTER = ReportSpec(kind="roster", window="last_month", formats=("html", "xlsx"))
ANN, KIM = "ann@brand.example", "kim@brand.example"
HTML, XLSX = "monthly-roster-2026-10-31.html", "monthly-roster-2026-10-31.xlsx"


class Desk:
    """A workspace's schedules with a post that remembers and small reports."""

    def __init__(self, work: Workspace) -> None:
        self.work = work
        self.post = RememberingPost()
        self.made: list[str] = []
        self.schedules = self.of(work)

    def of(self, work: Workspace) -> Schedules:
        """The same desk as somebody else has it."""
        return Schedules(work.access, lambda access: SmallReports(access, self.made), lambda: self.post)

    def tasks(self) -> list[tuple[str, str, str]]:
        with self.work.access.transaction(Permission.READ) as session:
            return [
                (task.kind, task.subject, task.message)
                for task in open_tasks(session, tenant_id=self.work.tenant.id)
            ]  # fmt: skip

    def states(self) -> dict[str, str]:
        return {row.target: row.state for row in self.schedules.history()}


@pytest.fixture
def settings(home: Path, clone: Clone) -> Settings:
    mail = MailSettings.model_validate({"sender": "North <reports@north.example>"})
    return clone.settings(home).model_copy(update={"mail": mail})


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    return Desk(workspace)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "reports"
    place.mkdir()
    return place


def monthly(desk: Desk, **changes: Any) -> None:
    given: dict[str, Any] = {"cron": FIRST_OF_THE_MONTH, "recipients": (ANN, KIM), **changes}
    desk.schedules.add("monthly", given.pop("report", ROSTER), **given)


# ── Windows and times ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("window", "since", "until"),
    [
        ("last_month", "2026-02-01", "2026-03-01"), ("last_week", "2026-02-16", "2026-02-23"),
        ("last_7_days", "2026-02-22", "2026-03-01"), ("last_30_days", "2026-01-30", "2026-03-01"),
        ("last_quarter", "2025-10-01", "2026-01-01"), ("last_year", "2025-01-01", "2026-01-01"),
    ],
)  # fmt: skip
def test_a_window_is_whole_days_before_its_moment(window: str, since: str, until: str) -> None:
    due_at = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
    expected = tuple(datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (since, until))
    assert window_of(window, due_at) == expected


@given(
    st.sampled_from(sorted(WINDOWS)), st.datetimes(datetime(2001, 1, 1), datetime(2060, 1, 1)), st.integers(0, 86_399)
)
def test_a_window_ends_before_its_moment_and_is_the_same_all_day(window: str, day: datetime, seconds: int) -> None:
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    since, until = window_of(window, midnight)
    assert since < until <= midnight
    assert window_of(window, midnight + timedelta(seconds=seconds)) == (since, until)


def test_a_window_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'last_decade' is no window"):
        window_of("last_decade", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("cron", ["*/15 * * * *", "0 6 1 * *", "0 7 * * mon", "30 23 31 12 *", "0 0 29 2 *"])
@given(moment=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)))
def test_nothing_fires_between_the_last_time_and_now(cron: str, moment: datetime) -> None:
    now = moment.replace(tzinfo=UTC)
    last = last_time(cron, now)
    assert last <= now < next_time(cron, last)


# ── Setting one up ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_schedule_is_listed_as_it_was_set_up(desk: Desk, folder: Path) -> None:
    monthly(desk, folder=str(folder), recipients=(ANN, ANN.upper()))
    (row,) = desk.schedules.list()
    assert (row.name, row.report, row.recipients, row.folder) == ("monthly", ROSTER, (ANN,), str(folder))
    assert (row.member, row.next_run_at) == ("ann@northlight.example", datetime(2026, 12, 1, 6, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipients": ()}, "would go nowhere"), ({"recipients": ("ann\n@b.example",)}, "not an email address"),
        ({"recipients": tuple(f"a{n}@b.example" for n in range(51))}, "too many"),
        ({"recipients": ("/tmp@b.example",)}, "looks like a folder"),
        ({"cron": "monthly"}, "no cron line"), ({"folder": "reports"}, "no absolute path"),
        ({"folder": "/nowhere/at/all"}, "is not there"), ({"folder": "/etc/hostname"}, "is not a folder"),
        ({"report": ReportSpec(kind="roster", window="last_moon", formats=("html",))}, "is no window"),
        ({"report": ReportSpec(kind="roster", window="last_week", formats=("doc",))}, "no format 'doc'"),
        ({"report": ReportSpec(kind="roster", window="last_week", formats=())}, "needs a format"),
        ({"report": ReportSpec(kind="roster", subject="Ann", window="last_week", formats=("md",))}, "everybody"),
        ({"report": ReportSpec(kind="creator", window="last_week", formats=("md",))}, "about one of them"),
        ({"report": ReportSpec(kind="diary", window="last_week", formats=("md",))}, "no report 'diary'"),
    ],
)  # fmt: skip
def test_what_would_fail_later_is_refused_now(desk: Desk, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        monthly(desk, **changes)
    assert desk.schedules.list() == ()


@pytest.mark.parametrize("name", ["", "Monthly", "../x", "a b", "-a", "a" * 61])
def test_a_name_is_one_that_a_file_can_have(desk: Desk, name: str) -> None:
    with pytest.raises(InvalidInput, match="is no name of a schedule"):
        desk.schedules.add(name, ROSTER, cron=FIRST_OF_THE_MONTH, recipients=(ANN,))


def test_a_subject_that_nobody_is_is_found_at_once(desk: Desk) -> None:
    with pytest.raises(NotFound, match="no creator Bo"):
        monthly(desk, report=ReportSpec(kind="creator", subject="Bo", window="last_week", formats=("pdf",)))


def test_a_name_that_is_taken_is_refused_and_an_unknown_one_not_found(desk: Desk) -> None:
    monthly(desk)
    with pytest.raises(Conflict, match="There is a schedule monthly already"):
        monthly(desk)
    for verb in (desk.schedules.run, desk.schedules.remove, desk.schedules.history):
        with pytest.raises(NotFound, match="There is no schedule weekly"):
            verb("weekly")


def test_mail_that_is_not_configured_is_said_at_once_and_a_folder_needs_none(
    workspace: Workspace, folder: Path
) -> None:
    with pytest.raises(MailNotConfigured, match="ENGAGERR_MAIL__VIA"):
        workspace.schedules.add("monthly", ROSTER, cron=FIRST_OF_THE_MONTH, recipients=(ANN,))
    assert workspace.schedules.add("monthly", ROSTER, cron=FIRST_OF_THE_MONTH, folder=str(folder)).recipients == ()


def test_who_may_only_look_changes_nothing(desk: Desk, engagerr: Engagerr) -> None:
    monthly(desk)
    theirs = desk.of(colleague(desk.work, engagerr, "viewer"))
    assert len(theirs.list()) == 1
    for verb in (
        lambda: theirs.add("more", ROSTER, cron=FIRST_OF_THE_MONTH, recipients=(ANN,)),
        lambda: theirs.run("monthly"), lambda: theirs.run("monthly", dry_run=True), lambda: theirs.remove("monthly"),
        theirs.run_due,
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            verb()
    assert desk.post.calls == []


def test_another_workspace_sees_and_sends_nothing_of_it(desk: Desk, other_workspace: Workspace) -> None:
    monthly(desk)
    desk.schedules.run("monthly")
    theirs = Desk(other_workspace)
    assert theirs.schedules.list() == theirs.schedules.history() == theirs.schedules.run_due() == ()
    with pytest.raises(NotFound):
        theirs.schedules.run("monthly")


# ── Sending ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_brings_the_last_due_report_to_everybody_on_their_own(desk: Desk, folder: Path) -> None:
    monthly(desk, folder=str(folder))
    done = desk.schedules.run("monthly")
    assert done.error is None
    assert done.due_at == datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    assert (done.since, done.until) == (datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    assert done.files == (HTML, XLSX)
    assert [(row.target, row.state, row.attempts, row.reference) for row in done.deliveries] == [
        (str(folder), "delivered", 1, f"{HTML}, {XLSX}"), (ANN, "delivered", 1, "id-1"), (KIM, "delivered", 1, "id-2"),
    ]  # fmt: skip
    assert sorted(file.name for file in folder.iterdir()) == [HTML, XLSX]
    mail = desk.post.sent[next(iter(desk.post.sent))]
    assert (mail.to, mail.sender, mail.reply_to) == (
        (ANN,), "North <reports@north.example>", "ann@northlight.example",
    )  # fmt: skip
    assert [(file.name, file.body) for file in mail.attachments] == [
        (name, (folder / name).read_bytes()) for name in (HTML, XLSX)
    ]
    assert mail.attachments[0].body.decode() == f"html of {done.deliveries[0].content_hash}"


def test_running_again_sends_nothing_twice(desk: Desk, folder: Path) -> None:
    monthly(desk, folder=str(folder))
    first, again = desk.schedules.run("monthly"), desk.schedules.run("monthly")
    assert desk.post.calls == [ANN, KIM]
    assert again.deliveries == first.deliveries


def test_a_dry_run_says_what_would_go_where_and_leaves_nothing(desk: Desk, folder: Path) -> None:
    monthly(desk, folder=str(folder))
    planned = desk.schedules.run("monthly", dry_run=True)
    assert [(row.target, row.state) for row in planned.deliveries] == [
        (str(folder), "planned"), (ANN, "planned"), (KIM, "planned"),
    ]  # fmt: skip
    assert (planned.files, planned.subject) == ((HTML, XLSX), "Report on roster, 2026-10-31")
    assert (desk.post.calls, list(folder.iterdir()), desk.schedules.history()) == ([], [], ())


def test_the_job_sends_what_is_due_and_nothing_before(desk: Desk, clock: SteeredClock) -> None:
    monthly(desk)
    assert desk.schedules.run_due() == ()
    clock.set(datetime(2026, 12, 1, 6, 0, tzinfo=UTC))
    (run,) = desk.schedules.run_due()
    assert (run.since, run.until) == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
    assert desk.post.got == [ANN, KIM]
    clock.advance(minutes=15)
    assert desk.schedules.run_due() == ()
    assert desk.schedules.list()[0].next_run_at == datetime(2027, 1, 1, 6, 0, tzinfo=UTC)


def test_what_was_missed_goes_out_once_for_the_last_time(desk: Desk, clock: SteeredClock) -> None:
    monthly(desk, cron="0 * * * *")
    clock.advance(days=5)
    (run,) = desk.schedules.run_due()
    assert run.due_at == clock.now()
    assert len(desk.post.got) == 2


def test_what_is_not_due_yet_cannot_be_had_before(desk: Desk) -> None:
    monthly(desk)
    early = desk.schedules.run("monthly", now=datetime(2030, 1, 1, 7, 0, tzinfo=UTC))
    assert early.due_at == datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    with pytest.raises(InvalidInput, match="no time zone"):
        desk.schedules.run("monthly", now=datetime(2026, 11, 1))


def test_the_report_of_a_moment_is_the_same_however_late_it_is_made(desk: Desk, clock: SteeredClock) -> None:
    monthly(desk)
    clock.set(datetime(2026, 12, 20, 17, 3, tzinfo=UTC))
    late = desk.schedules.run("monthly")
    again = desk.schedules.run("monthly", now=datetime(2026, 12, 1, 7, 0, tzinfo=UTC))
    assert late.due_at == again.due_at == datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
    assert late.deliveries == again.deliveries


# ── What goes wrong ────────────────────────────────────────────────────────────────────────────────────────────────


class Died(BaseException):
    """kill -9, as far as a process can do that to itself."""


def test_a_process_that_dies_while_sending_leaves_nothing_twice(desk: Desk) -> None:
    monthly(desk)
    desk.post.dying = Died()
    with pytest.raises(Died):
        desk.schedules.run("monthly")
    assert desk.states() == {ANN: "intended", KIM: "intended"}
    done = desk.schedules.run("monthly")
    assert desk.post.calls == [ANN, ANN, KIM]
    assert desk.post.got == [ANN, KIM]
    assert [(row.state, row.attempts) for row in done.deliveries] == [("delivered", 2), ("delivered", 1)]


def test_one_that_fails_keeps_its_error_and_the_others_get_theirs(desk: Desk) -> None:
    monthly(desk)
    desk.post.failing[ANN] = Rejected("The mail server refuses ann: no such user.", hint="Check it.")
    done = desk.schedules.run("monthly")
    assert [(row.target, row.state, row.error) for row in done.deliveries] == [
        (ANN, "failed", "The mail server refuses ann: no such user."), (KIM, "delivered", None),
    ]  # fmt: skip
    assert done.error is not None
    assert (done.error["category"], done.error["hint"]) == ("Rejected", "Check it.")
    ((kind, subject, message),) = desk.tasks()
    assert (kind, subject) == ("report.failed", "monthly")
    assert "no such user" in message
    desk.post.failing.clear()
    assert desk.schedules.run("monthly").error is None
    assert desk.post.got == [KIM, ANN]
    assert desk.tasks() == []


def test_the_job_tries_again_after_growing_pauses_and_then_no_more(desk: Desk, clock: SteeredClock) -> None:
    monthly(desk, recipients=(ANN,))
    desk.post.failing[ANN] = Unavailable("The mail server is away.")
    clock.set(datetime(2026, 12, 1, 6, 0, tzinfo=UTC))
    tried: list[int] = []
    for quarter in range(4 * 19):
        if desk.schedules.run_due():
            tried.append(quarter * 15)
        clock.advance(minutes=15)
    assert len(tried) == len(desk.post.calls) == MOST_ATTEMPTS
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 30 < 150 <= pauses[-1]
    (row,) = desk.schedules.history()
    assert (row.state, row.attempts, row.error) == ("failed", MOST_ATTEMPTS, "The mail server is away.")
    # A person can have it tried at any time.
    desk.post.failing.clear()
    assert desk.schedules.run("monthly", now=datetime(2026, 12, 1, 7, tzinfo=UTC)).error is None


def test_a_mail_cut_off_too_long_ago_is_not_sent_again_by_itself(desk: Desk, clock: SteeredClock) -> None:
    monthly(desk, recipients=(ANN,))
    desk.post.dying = Died()
    with pytest.raises(Died):
        desk.schedules.run("monthly")
    clock.advance(hours=21)
    assert desk.schedules.run_due() == ()
    (row,) = desk.schedules.history()
    assert row.state == "failed"
    assert "could arrive twice" in (row.error or "")
    assert [kind for kind, _, _ in desk.tasks()] == ["report.failed"]
    assert desk.post.calls == [ANN]


def test_a_mail_that_never_began_is_sent_however_late(desk: Desk, clock: SteeredClock) -> None:
    monthly(desk)
    desk.post.dying = Died()
    with pytest.raises(Died):
        desk.schedules.run("monthly")
    clock.advance(days=3)
    desk.schedules.run_due()
    assert desk.post.got == [ANN, KIM]


def test_what_the_other_side_has_already_is_delivered(desk: Desk) -> None:
    monthly(desk, recipients=(ANN,))
    desk.post.failing[ANN] = SentAlready("Resend took this message before, and it read differently then.")
    done = desk.schedules.run("monthly")
    assert done.error is None
    (row,) = done.deliveries
    assert (row.state, row.reference) == ("delivered", "Resend took this message before, and it read differently then.")


def test_a_bug_while_sending_costs_one_target_and_is_told_without_its_words(desk: Desk) -> None:
    class Buggy(RememberingPost):
        def send(self, message: Message, *, idempotency_key: str) -> str:
            if message.to == (ANN,):
                raise KeyError("secret-words")
            return super().send(message, idempotency_key=idempotency_key)

    desk.post = Buggy()
    monthly(desk)
    done = desk.schedules.run("monthly")
    assert done.error is not None
    assert done.error["category"] == "Broken"
    assert desk.states() == {ANN: "failed", KIM: "delivered"}
    assert "secret-words" not in str(desk.schedules.history())


def test_whoever_left_has_nothing_sent_in_their_name(desk: Desk, engagerr: Engagerr, clock: SteeredClock) -> None:
    manager = colleague(desk.work, engagerr, "manager")
    email = manager.member.email
    assert email is not None
    desk.of(manager).add("theirs", ROSTER, cron=FIRST_OF_THE_MONTH, recipients=(ANN,))
    desk.schedules.run("theirs")
    assert desk.made == [email]

    clock.set(datetime(2026, 12, 1, 6, 0, tzinfo=UTC))
    desk.work.members.set_role(email, role="viewer")
    (run,) = desk.schedules.run_due()
    assert run.error is not None
    assert run.error["category"] == "Forbidden"
    assert "is viewer now and may no longer" in run.error["message"]

    clock.set(datetime(2027, 1, 1, 6, 0, tzinfo=UTC))
    desk.work.members.remove(email)
    runs = {run.due_at.month: run for run in desk.schedules.run_due()}
    assert runs[1].error is not None
    assert "no longer a member" in runs[1].error["message"]
    assert "no longer a member" in desk.tasks()[0][2]
    assert desk.schedules.list()[0].member is None
    assert desk.post.calls == [ANN]


def test_two_at_once_do_not_both_send(desk: Desk) -> None:
    monthly(desk)
    key = f"engagerr.schedule:{desk.work.tenant.id}:monthly"
    with AdvisoryLock(desk.work.access.database, key, holder="elsewhere:7") as lock:
        assert lock.take()
        with pytest.raises(ScheduleRunning, match="by another process"):
            desk.schedules.run("monthly")
        assert desk.schedules.run_due() == ()
    assert desk.post.calls == []
    assert len(desk.schedules.run_due()) == 1


def test_a_removed_schedule_sends_no_more_and_its_history_stays(desk: Desk, clock: SteeredClock) -> None:
    monthly(desk)
    desk.post.failing[ANN] = Unavailable("The mail server is away.")
    desk.schedules.run("monthly")
    desk.schedules.remove("monthly")
    assert (desk.schedules.list(), desk.tasks()) == ((), [])
    clock.advance(days=60)
    assert desk.schedules.run_due() == ()
    assert len(desk.schedules.history("monthly")) == 2


def test_who_is_on_the_list_no_more_gets_nothing_that_failed_before(desk: Desk, clock: SteeredClock) -> None:
    monthly(desk)
    desk.post.failing[ANN] = Unavailable("The mail server is away.")
    desk.schedules.run("monthly")
    desk.schedules.remove("monthly")
    monthly(desk, recipients=(KIM,))
    desk.post.failing.clear()
    clock.advance(hours=1)
    assert all(run.error is None for run in desk.schedules.run_due())
    desk.schedules.run("monthly")
    assert desk.post.got == [KIM]


def test_who_did_what_stands_in_the_audit_log(desk: Desk, clone: Clone) -> None:
    monthly(desk)
    desk.schedules.run("monthly")
    desk.schedules.remove("monthly")
    with desk.work.access.transaction(Permission.READ_AUDIT) as session:
        from sqlalchemy import text

        actions = session.execute(
            text("SELECT action FROM audit_log WHERE subject = 'schedule:monthly' ORDER BY sequence")
        ).scalars()
        assert list(actions) == ["schedule.added", "schedule.run", "schedule.delivered", "schedule.removed"]
    assert desk.work.verify_audit().intact


# ── Folders ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_replaced_whole_and_a_link_of_its_name_is_not_followed(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("mine")
    (folder / "a.html").symlink_to(elsewhere)
    put_file(str(folder), "a.html", b"new")
    assert (folder / "a.html").read_bytes() == b"new"
    assert not (folder / "a.html").is_symlink()
    assert elsewhere.read_text() == "mine"
    assert [file.name for file in folder.iterdir()] == ["a.html"]


def test_a_folder_is_kept_without_its_links_and_one_that_turned_into_a_link_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    kept = checked_folder(str(link))
    assert kept == str(folder)
    folder.rmdir()
    other = tmp_path / "other"
    other.mkdir()
    folder.symlink_to(other)
    with pytest.raises(FolderGone):
        put_file(kept, "a.html", b"new")
    assert list(other.iterdir()) == []


def test_a_parent_that_turned_into_a_link_is_refused_too(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    kept = checked_folder(str(place))
    (tmp_path / "a").rename(tmp_path / "c")
    (tmp_path / "a").symlink_to(tmp_path / "c")
    with pytest.raises(FolderGone):
        put_file(kept, "a.html", b"new")


@pytest.mark.parametrize("name", ["../a.html", "a/b", "..", "a\0b"])
def test_a_file_stays_in_its_folder(folder: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        put_file(str(folder), name, b"x")


def test_a_folder_that_is_gone_is_told_and_leaves_the_mail_alone(desk: Desk, folder: Path) -> None:
    monthly(desk, folder=str(folder))
    folder.rmdir()
    done = desk.schedules.run("monthly")
    assert [row.state for row in done.deliveries] == ["failed", "delivered", "delivered"]
    assert done.error is not None
    assert "is not what it was" in done.error["message"]


def test_a_name_that_is_taken_by_a_folder_is_told(folder: Path) -> None:
    (folder / "a.html").mkdir()
    with pytest.raises(EngagerrError, match="cannot be written"):
        put_file(str(folder), "a.html", b"x")
    assert [file.name for file in folder.iterdir()] == ["a.html"]


# ── As a job ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mailing(settings: Settings, clock: SteeredClock) -> Iterator[tuple[Workspace, RememberingPost]]:
    """A workspace with real reports whose mail is remembered."""
    post = RememberingPost()
    mail: Post = post
    with Engagerr(settings, clock=clock, mail=mail) as engagerr:
        yield engagerr.init("Northlight", email="ann@northlight.example"), post


def test_the_job_says_what_failed_with_its_category(
    mailing: tuple[Workspace, RememberingPost], clock: SteeredClock, folder: Path
) -> None:
    from engagerr.core.jobs import Jobs

    work, post = mailing
    assert Jobs(work).run("send-reports").result == {"reports": 0, "reached": 0}
    work.schedules.add("monthly", ROSTER, cron=FIRST_OF_THE_MONTH, recipients=(ANN,), folder=str(folder))
    post.failing[ANN] = Rejected("The mail server refuses ann: no such user.", hint="Check it.")
    clock.set(datetime(2026, 12, 1, 6, 0, tzinfo=UTC))
    done = Jobs(work).run("send-reports")
    assert done.state == "failed"
    assert done.error is not None
    assert (done.error["category"], done.error["hint"]) == ("Rejected", "Check it.")
    assert done.error["message"].startswith("monthly did not reach everybody: ")
    assert sorted(file.suffix for file in folder.iterdir()) == [".html", ".xlsx"]
    post.failing.clear()
    clock.advance(minutes=15)
    done = Jobs(work).run("send-reports")
    assert done.result == {"reports": 1, "reached": 2}
    (mail,) = post.sent.values()
    assert [file.body for file in mail.attachments] == [(folder / file.name).read_bytes() for file in mail.attachments]
