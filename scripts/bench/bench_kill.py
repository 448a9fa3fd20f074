"""kill -9 at random moments of syncs and imports, and of the database server: what is lost, doubled or stuck after it.

Real processes in a durable home. Each kill comes at a moment drawn evenly from the whole life of such a process, as
measured all along on some that nobody kills. After every kill the database is looked at as its superuser; at the end
everything runs to completion and is compared with what the platforms have and with a home in which nobody was killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg
from interchange_files import Shape, write_interchange
from kill_worker import DONE, ONCE, REFUSED, SKIPPED, Scene, import_file, sync
from measuring import SUPERUSER, Home, Limit, arguments, finish, percentile, say, step, temporary_home

# What runs at once in a round, and how often of twenty.
ROUNDS: dict[tuple[str, ...], int] = {("sync",): 10, ("import",): 5, ("sync", "import"): 3, ("sync", "sync"): 2}
FILE = Shape(items=30, observations=8)
LEASE_LIMIT_SECONDS = 60.0
_PATIENCE_SECONDS = 120.0
_AT_ONCE, _MOST_PUBLISHED = 3, 12
# A process whose machine is gone: nobody can tell that it is dead.
_ELSEWHERE = "elsewhere~00000000:1"

# What no moment may show, as statements that count it. Cheap ones first; the others look at every figure.
DOUBLED = {
    "items twice": "SELECT count(*) - count(DISTINCT (tenant_id, platform, native_id)) FROM content_items",
    "files twice": "SELECT count(*) - count(DISTINCT sha256) FROM imports WHERE stream IS NULL",
}
DOUBLED_FIGURES = {
    "figures twice": """
        SELECT count(*) FROM (SELECT FROM metric_observations
        GROUP BY tenant_id, subject_id, metric, observed_at, period_days, revision HAVING count(*) > 1) AS twice""",
    "revisions that say nothing new": """
        SELECT count(*) FROM metric_observations AS one JOIN metric_observations AS next
        USING (tenant_id, subject_id, metric, observed_at, period_days)
        WHERE next.revision = one.revision + 1
          AND (one.value, one.state, one.currency) IS NOT DISTINCT FROM (next.value, next.state, next.currency)""",
}
BROKEN = {
    "imports without what was sent":
        "SELECT count(*) FROM imports WHERE NOT EXISTS (SELECT FROM raw_payloads WHERE import_id = imports.id)",
    "what was sent without its import":
        "SELECT count(*) FROM raw_payloads WHERE NOT EXISTS (SELECT FROM imports WHERE imports.id = import_id)",
    "events with a gap": """
        SELECT count(*) FROM (SELECT about, max(sequence) AS last, count(*) AS known FROM events GROUP BY about) AS told
        FULL JOIN event_heads USING (about) WHERE (last, known) IS DISTINCT FROM (sequence, sequence)""",
    "subscribers who know more than happened": """
        SELECT count(*) FROM event_cursors AS seen LEFT JOIN event_heads AS head USING (tenant_id, about)
        WHERE seen.sequence > coalesce(head.sequence, 0)""",
    "checkpoints behind their pages": """
        SELECT count(*) FROM (SELECT account_id, connector, stream, count(*) AS pages FROM imports
        WHERE stream IS NOT NULL GROUP BY 1, 2, 3) AS landed
        LEFT JOIN sync_checkpoints USING (account_id, connector, stream) WHERE position IS NULL OR position < pages""",
}  # fmt: skip
BROKEN_FIGURES = {
    "figures without their import": """
        SELECT count(*) FROM (SELECT DISTINCT import_id FROM metric_observations) AS used
        WHERE NOT EXISTS (SELECT FROM imports WHERE imports.id = import_id)""",
    "items without their import": """
        SELECT count(*) FROM content_items
        WHERE NOT EXISTS (SELECT FROM imports WHERE imports.id = first_import_id)""",
    "imports that count other figures than they brought": """
        SELECT count(*) FROM imports
        LEFT JOIN (SELECT import_id, count(*) AS figures FROM metric_observations GROUP BY 1) AS landed
          ON import_id = imports.id
        WHERE CAST(counts->>'observations_new' AS bigint) <> coalesce(figures, 0)""",
    "imports that count other items than they brought": """
        SELECT count(*) FROM imports
        LEFT JOIN (SELECT first_import_id, count(*) AS items FROM content_items GROUP BY 1) AS landed
          ON first_import_id = imports.id
        WHERE CAST(counts->>'items_new' AS bigint) <> coalesce(items, 0)""",
}


class Watch:
    """Looks at the database after a kill and remembers what it saw."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._connection: psycopg.Connection[Any] | None = None
        self._positions: dict[tuple[str, str], int] = {}
        self._least: dict[str, int] = {}
        self.found: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.doubled: Counter[str] = Counter()

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Ask; connects again when the server was killed meanwhile."""
        for last in (False, True):
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = self._home.connect(SUPERUSER)
                return self._connection.execute(statement, list(values) or None).fetchall()  # type: ignore[arg-type]
            except psycopg.OperationalError:
                self._connection = None
                if last:
                    raise
        raise AssertionError

    def count(self, statement: str) -> int:
        """The one number that a statement gives."""
        return int(self.rows(statement)[0][0])

    def open_transactions(self) -> int:
        """How many transactions of Engagerr are open just now."""
        return self.count(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'engagerr_app' AND xact_start IS NOT NULL"
        )

    def look(self, *, closely: bool) -> None:
        """Check what must hold at every moment; `closely` checks every figure, too."""
        positions = {
            (str(account), stream): position
            for account, stream, position in self.rows("SELECT account_id, stream, position FROM sync_checkpoints")
        }
        back = [name for name, position in self._positions.items() if positions.get(name, -1) < position]
        self._note(self.lost, "checkpoints that went back", len(back))
        self._positions = positions
        for what in ("content_items", "imports", "metric_observations", "raw_payloads", "events"):
            if not closely and what == "metric_observations":
                continue
            known = self.count(f"SELECT count(*) FROM {what}")
            self._note(self.lost, f"{what} fewer than before", max(0, self._least.get(what, 0) - known))
            self._least[what] = known
        self._check(self.doubled, DOUBLED)
        self._check(self.found, BROKEN)
        if closely:
            self._check(self.doubled, DOUBLED_FIGURES)
            self._check(self.found, BROKEN_FIGURES)

    def kept_as_they_came(self) -> None:
        """Every import's payload has the hash that the import says."""
        import zstandard

        unlike = 0
        for sha256, bodies in self.rows(
            "SELECT sha256, array_agg(body ORDER BY sequence) FROM imports JOIN raw_payloads ON import_id = imports.id"
            " GROUP BY imports.tenant_id, imports.id"
        ):
            whole = b"".join(zstandard.ZstdDecompressor().decompress(body) for body in bodies)
            unlike += hashlib.sha256(whole).hexdigest() != sha256
        self._note(self.found, "payloads that are not what was sent", unlike)

    def _check(self, where: Counter[str], statements: dict[str, str]) -> None:
        for what, statement in statements.items():
            self._note(where, what, self.count(statement))

    def _note(self, where: Counter[str], what: str, much: int) -> None:
        if much:
            where[what] = max(where[what], much)
            say(f"  ! {what}: {much}")


@dataclass
class Killing:
    """A home, its processes, and how many of them were killed when."""

    home: Home
    scene: Scene
    watch: Watch
    chance: random.Random
    start: Callable[..., BaseProcess]
    lives: dict[str, deque[float]] = field(
        default_factory=lambda: {"sync": deque(maxlen=15), "import": deque(maxlen=15)}
    )
    files: list[Path] = field(default_factory=list)
    pending: list[Path] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    shares: list[float] = field(default_factory=list)
    cut: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    recoveries: list[float] = field(default_factory=list)
    stuck: int = 0

    def process(self, kind: str) -> BaseProcess:
        """A sync, or the import of a file that has not landed yet."""
        if kind == "sync":
            return self.start(target=sync, args=(self.scene,), daemon=False)
        if not self.pending:
            path = self.home.path / f"export-{len(self.files)}.jsonl"
            write_interchange(path, FILE, seed=len(self.files))
            self.files.append(path)
            self.pending.append(path)
        return self.start(target=import_file, args=(self.scene, self.pending[0]), daemon=False)

    def in_peace(self, kind: str) -> int:
        """Let one process live, and remember how long it took."""
        process, began = self.process(kind), time.perf_counter()
        process.start()
        process.join(_PATIENCE_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            self.watch.found[f"a {kind} that did not end"] += 1
            return -1
        self.lives[kind].append(time.perf_counter() - began)
        self._landed()
        return process.exitcode

    def round(self, kinds: Sequence[str]) -> None:
        """Start these at once and kill each at its own moment."""
        alone = 1.0 if len(kinds) == 1 else 1.4
        running = []
        for kind in kinds:
            life = statistics.median(self.lives[kind]) * alone
            process, began = self.process(kind), time.perf_counter()
            process.start()
            running.append((began + self.chance.uniform(0, life), kind, process, life, began))
        for moment, kind, process, life, began in sorted(running, key=lambda one: one[0]):
            time.sleep(max(0.0, moment - time.perf_counter()))
            cut = self.watch.open_transactions() > 0
            at = time.perf_counter() - began
            process.kill()
            process.join()
            if process.exitcode == -signal.SIGKILL:
                self.kills[kind] += 1
                self.shares.append(at / life)
                self.cut[kind] += cut
            else:
                self.ends[f"{kind}: ended before its kill ({process.exitcode})"] += 1
        self._landed()

    def kill_the_server(self) -> None:
        """SIGKILL the postmaster under a sync and an import, and see how long it takes until a sync gets through."""
        from engagerr.core.db.embedded import EmbeddedServer

        postmaster = EmbeddedServer(self.home.path).status().pid
        assert postmaster is not None
        running = [self.process(kind) for kind in ("sync", "import")]
        for process in running:
            process.start()
        time.sleep(self.chance.uniform(0, statistics.median(self.lives["sync"])))
        os.kill(postmaster, signal.SIGKILL)
        killed_at = time.perf_counter()
        for process in running:
            process.join(_PATIENCE_SECONDS)
            if process.exitcode is None:
                say(f"  ! hangs: {process.name}")
                process.kill()
                process.join()
                self.watch.found["processes that hang when the server is killed"] += 1
            elif process.exitcode not in (DONE, REFUSED):
                self.ends[f"exit status {process.exitcode} under a server that was killed"] += 1
        self.kills["server"] += 1
        # Some leases are held by nobody's process now: a run that could not give them back has ended.
        status = self.in_peace("sync")
        if status != DONE:
            self.watch.found[f"a sync that ends with {status} after the server was killed"] += 1
        self.recoveries.append(time.perf_counter() - killed_at)
        self._landed()

    def lease_of_another_machine(self) -> float:
        """Kill a sync that holds leases and say that it was elsewhere; seconds until a run gets everything."""
        while True:
            process = self.process("sync")
            process.start()
            time.sleep(statistics.median(self.lives["sync"]) * self.chance.uniform(0.2, 0.8))
            process.kill()
            process.join()
            killed_at = time.perf_counter()
            if self.watch.count("SELECT count(*) FROM sync_leases"):
                break
        self.kills["sync"] += 1
        self.watch.rows("UPDATE sync_leases SET holder = %s RETURNING 1", _ELSEWHERE)
        while True:
            waited = time.perf_counter() - killed_at
            status = self.in_peace("sync")
            if status != SKIPPED or waited > LEASE_LIMIT_SECONDS:
                break
            time.sleep(1)
        self.stuck += status != DONE or waited > LEASE_LIMIT_SECONDS
        return waited

    def go_by(self) -> None:
        """Time goes by at the platforms: new items where each is asked for once, and now and then elsewhere."""
        now = datetime.now(UTC).replace(microsecond=0)
        published = dict(self.scene.published)
        for connector in ONCE:
            known = published.get(connector, ())
            if not known or known[-1] <= now:
                # Each at a second of its own: TikTok's pages go by the moment. None before a pass that is through.
                published[connector] = (*known, *(now + timedelta(seconds=1 + nth) for nth in range(_AT_ONCE)))
        other = self.chance.choice(["podcast", "twitch"])
        if self.chance.random() < 0.1 and len(published.get(other, ())) < _MOST_PUBLISHED:
            published[other] = (*published.get(other, ()), now)
        self.scene = replace(self.scene, published=published, age=self.scene.age + 1)

    def _landed(self) -> None:
        here = {name for (name,) in self.watch.rows("SELECT file_name FROM imports WHERE stream IS NULL")}
        self.pending = [path for path in self.pending if path.name not in here]


def last_words(watch: Watch) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """(items with what is said of them, the last word on every figure), under names that mean the same in any home."""
    items = {
        (platform, native_id): tuple(rest)
        for platform, native_id, *rest in watch.rows(
            # Not address and length: TikTok's two APIs say them differently, and the one asked last is believed.
            "SELECT platform, native_id, kind, title, published_at FROM content_items"
        )
    }
    figures = {
        tuple(key): (value, state)
        for *key, value, state in watch.rows(
            "SELECT DISTINCT ON (1, 2, 3, 4) coalesce(item.platform, accounts.platform),"
            " coalesce(item.native_id, accounts.handle), metric, period_days, value, state"
            " FROM metric_observations AS said LEFT JOIN content_items AS item ON item.id = subject_id"
            " LEFT JOIN accounts ON accounts.id = subject_id ORDER BY 1, 2, 3, 4, observed_at DESC, revision DESC"
        )
    }
    return items, figures


def completed(home: Home, scene: Scene, files: Sequence[Path], start: Callable[..., BaseProcess]) -> None:
    """Everything there is, landed in peace. Twice: a pass that was cut off ends first, then a new one sees the rest."""
    for target, extra in [*((import_file, (path,)) for path in files), (sync, ()), (sync, ())]:
        process = start(target=target, args=(replace(scene, home=home.path), *extra))
        process.start()
        process.join(_PATIENCE_SECONDS)
        if process.exitcode != DONE:
            raise RuntimeError(f"{target.__name__} ended with {process.exitcode} though nobody disturbed it")


def compare(killing: Killing, calm: Home, start: Callable[..., BaseProcess]) -> dict[str, int]:
    """What the home of the kills has less, more or other than the platforms, the files and the calm home."""
    scene, watch = killing.scene, killing.watch
    completed(killing.home, scene, killing.files, start)
    with scene.open() as engagerr:
        work = engagerr.workspace()
        work.events.deliver()
        waiting = sum(left for _, _, left in work.events.subscribers())
        audit = work.verify_audit().intact
    with replace(scene, home=calm.path).open() as engagerr:
        scene.connect(engagerr.init("Bench"))
    completed(calm, scene, killing.files, start)
    items, figures = last_words(watch)
    calm_items, calm_figures = last_words(Watch(calm))
    truth = {(fake.connector, item.native_id) for fake in scene.platforms() for item in fake.items}
    truth |= {
        ("youtube", f"s{seed}v{number:010d}") for seed in range(len(killing.files)) for number in range(FILE.items)
    }
    for what, missing in (("items", truth - items.keys()), ("figures", calm_figures.keys() - figures.keys())):
        watch.lost[f"{what} missing at the end"] += len(missing)
        for name in sorted(missing)[:5]:
            say(f"  ! missing: {name}")
    for what, more in (("items", items.keys() - truth), ("figures", figures.keys() - calm_figures.keys())):
        watch.doubled[f"{what} too many at the end"] += len(more)
    other = {name for name in calm_figures.keys() & figures.keys() if calm_figures[name] != figures[name]}
    watch.lost["figures whose last word is another at the end"] += len(other)
    watch.found["items that read otherwise"] += sum(calm_items.get(name) != said for name, said in items.items())
    of_files = watch.count(
        "SELECT count(*) FROM metric_observations JOIN imports ON imports.id = import_id WHERE stream IS NULL"
    )
    expected = len(killing.files) * FILE.rows
    watch.lost["figures of files"] += max(0, expected - of_files)
    watch.doubled["figures of files"] += max(0, of_files - expected)
    watch.found["events not told at the end"] += waiting
    watch.found["breaks in the audit log"] += not audit
    killing.stuck += watch.count("SELECT count(*) FROM sync_leases")
    watch.look(closely=True)
    watch.kept_as_they_came()
    return {"items": len(items), "figures_with_their_last_word": len(figures), "files": len(killing.files)}


def main() -> None:
    """Kill, look, repeat; complete, compare, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--kills", type=int, default=1000, help="kills of syncs and imports")
    parser.add_argument("--server-kills", type=int, default=20, help="kills of the database server")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop killing after this long")
    options = parser.parse_args()
    # The process that forks the others finds our modules here.
    os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:1], str(Path(__file__).parents[2])])
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kill_worker"])
    start: Callable[..., BaseProcess] = context.Process
    chance, began = random.Random(options.seed), time.perf_counter()
    with temporary_home() as home, contextlib.ExitStack() as stack:
        newest = (datetime.now(UTC) - timedelta(hours=3)).replace(microsecond=0)
        scene = Scene(home.path, newest)
        with scene.open() as engagerr:
            scene.connect(engagerr.init("Bench"))
        killing = Killing(home, scene, Watch(home), chance, start)
        for kind in ("sync", "import") * 4:
            killing.in_peace(kind)
        killing.lives["sync"].popleft()  # the first one waited for the fork server and fetched the past
        server_kills = set(chance.sample(range(1, options.kills), k=min(options.server_kills, options.kills - 1)))
        rounds, reached, held = 0, 0, 0
        while (done := killing.kills["sync"] + killing.kills["import"]) < options.kills:
            if time.perf_counter() - began > options.minutes * 60:
                break
            (kinds,) = chance.choices(list(ROUNDS), weights=list(ROUNDS.values()))
            killing.go_by()
            killing.round(kinds)
            rounds += 1
            killing.watch.look(closely=rounds % 25 == 0)
            if rounds % 15 == 0:
                # Whoever held an account was of this machine, and is dead: nobody has to wait for it.
                held += killing.in_peace("sync") != DONE
                killing.in_peace("import")
            for _ in range(sum(reached < at <= done for at in server_kills)):
                killing.kill_the_server()
                killing.watch.look(closely=True)
            reached = done
            if rounds % 20 == 0:
                say(f"  {done} kills, {killing.kills['server']} of the server, {time.perf_counter() - began:.0f} s")
        minutes = (time.perf_counter() - began) / 60
        with step("a lease of another machine"):
            waited = killing.lease_of_another_machine()
        with step("completing and comparing"):
            calm = stack.enter_context(temporary_home())
            ended_with = compare(killing, calm, start)
        watch = killing.watch
        said = Counter({what: much for what, much in watch.found.items() if much})
    finish(
        "kill",
        [
            Limit("items, figures, files and checkpoints lost", sum(watch.lost.values()), at_most=0,
                  figures={what: much for what, much in watch.lost.items() if much}),
            Limit("items, figures and files doubled", sum(watch.doubled.values()), at_most=0,
                  figures={what: much for what, much in watch.doubled.items() if much}),
            Limit("leases stuck 60 s after a kill", killing.stuck, at_most=0,
                  figures={"of_another_machine_taken_over_after_s": round(waited, 1)}),
            Limit("accounts of this machine's dead that the next run could not take at once", held, at_most=0),
            Limit("other things that may not be", sum(said.values()), at_most=0, figures=dict(said)),
        ],
        sizes={"kills": dict(killing.kills), "rounds": rounds, "minutes": round(minutes, 1), "seed": options.seed,
               **ended_with},
        also={
            "life_s": {kind: round(statistics.median(lives), 3) for kind, lives in killing.lives.items()},
            "kills_in_each_tenth_of_a_life": _tenths(killing.shares),
            "kills_with_a_transaction_open": dict(killing.cut),
            "server_killed_to_next_sync_complete_s": {
                "median": round(statistics.median(killing.recoveries), 2),
                "p95": round(percentile(killing.recoveries, 0.95), 2),
            } if killing.recoveries else None,
            "ends": dict(killing.ends),
        },
        assert_limits=options.assert_limits,
    )  # fmt: skip


def _tenths(shares: Sequence[float]) -> list[int]:
    counts = [0] * 10
    for share in shares:
        counts[min(9, int(share * 10))] += 1
    return counts


if __name__ == "__main__":
    main()
