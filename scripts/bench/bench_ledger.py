"""The ledger's rate against plain ones, and its reads at five million transfers; as the application role, fsync on.

Rivals stand in the same server and are run in turns with ours: a plain function that writes a transfer and two entries
(text ids, numeric amounts, a balance and a version on each account, sorted locks, references, the indexes that such a
ledger needs: the shape of pgledger, whose own SQL is not shipped here), and application code that does the same in five
round trips. Ours does more for each transfer: an idempotency key with a request hash, a chain of hashes, row-level
security, balances at any moment.

The five million are written as they would stand, without posting them one by one; 500 accounts have 10,000 lines each,
and one account has them all, in sixteen lanes. A page is 100 lines.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from engagerr import Engagerr
from engagerr.core.payments.ledger import balance
from engagerr.core.payments.ledger.accounts import AccountRow
from engagerr.core.payments.ledger.pages import statement_page
from measuring import APP, SUPERUSER, Home, Limit, arguments, finish, spread, step, temporary_home
from sqlalchemy import text

ACCOUNTS = 1_000
WORKERS = 8
BATCH = 1_000
RIVAL_BATCH = 100
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

PLAIN = f"""
CREATE FUNCTION plain_id(kind text) RETURNS text LANGUAGE sql VOLATILE AS $$
  SELECT kind || '_' || replace(engagerr_new_id()::text, '-', '')
$$;
CREATE TABLE plain_accounts (
  id text PRIMARY KEY DEFAULT plain_id('acc'), currency text NOT NULL, balance numeric NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 0, may_be_negative boolean NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE plain_transfers (
  id text PRIMARY KEY DEFAULT plain_id('tra'), source_id text NOT NULL REFERENCES plain_accounts,
  destination_id text NOT NULL REFERENCES plain_accounts, amount numeric NOT NULL,
  created_at timestamptz NOT NULL, event_at timestamptz NOT NULL, metadata jsonb,
  CHECK (amount > 0 AND source_id <> destination_id));
CREATE INDEX ON plain_transfers (source_id);
CREATE INDEX ON plain_transfers (destination_id);
CREATE INDEX ON plain_transfers (event_at);
CREATE TABLE plain_entries (
  id text PRIMARY KEY DEFAULT plain_id('ent'), account_id text NOT NULL REFERENCES plain_accounts,
  transfer_id text NOT NULL REFERENCES plain_transfers, amount numeric NOT NULL, balance_before numeric NOT NULL,
  balance_after numeric NOT NULL, version bigint NOT NULL, created_at timestamptz NOT NULL);
CREATE INDEX ON plain_entries (account_id);
CREATE INDEX ON plain_entries (transfer_id);
CREATE FUNCTION plain_post(sources text[], destinations text[], amounts numeric[], OUT made text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
  place text;
  source plain_accounts;
  destination plain_accounts;
BEGIN
  FOR place IN SELECT DISTINCT id FROM unnest(sources || destinations) AS id ORDER BY id LOOP
    PERFORM FROM plain_accounts WHERE id = place FOR UPDATE;
  END LOOP;
  FOR leg IN 1..cardinality(sources) LOOP
    UPDATE plain_accounts SET balance = balance - amounts[leg], version = version + 1, updated_at = now()
      WHERE id = sources[leg] RETURNING * INTO source;
    UPDATE plain_accounts SET balance = balance + amounts[leg], version = version + 1, updated_at = now()
      WHERE id = destinations[leg] RETURNING * INTO destination;
    IF source.balance < 0 AND NOT source.may_be_negative THEN
      RAISE EXCEPTION 'account % has not enough', source.id;
    END IF;
    IF source.currency <> destination.currency THEN
      RAISE EXCEPTION 'two currencies';
    END IF;
    INSERT INTO plain_transfers (source_id, destination_id, amount, created_at, event_at)
      VALUES (sources[leg], destinations[leg], amounts[leg], now(), now()) RETURNING id INTO made;
    INSERT INTO plain_entries (account_id, transfer_id, amount, balance_before, balance_after, version, created_at)
      VALUES (source.id, made, -amounts[leg], source.balance + amounts[leg], source.balance, source.version, now());
    INSERT INTO plain_entries (account_id, transfer_id, amount, balance_before, balance_after, version, created_at)
      VALUES (destination.id, made, amounts[leg], destination.balance - amounts[leg], destination.balance,
              destination.version, now());
    RETURN NEXT;
  END LOOP;
END
$$;
GRANT SELECT, INSERT, UPDATE ON plain_accounts, plain_transfers, plain_entries TO {APP};
GRANT EXECUTE ON FUNCTION plain_post(text[], text[], numeric[]), plain_id(text), engagerr_new_id() TO {APP};
"""
POST = "SELECT (transfer).id FROM engagerr_post(%s, %s::jsonb, now())"
POST_BATCH = "SELECT engagerr_post_batch(%s, %s::jsonb, now())"
PLAIN_POST = "SELECT made FROM plain_post(%s, %s, %s)"

# Transfer number i moves 100 from the account outside to payable i % 500: what each holds after it follows from i.
FILL = """
INSERT INTO ledger_transfers
SELECT %(tenant)s, engagerr_transfer_id((i %% 16)::smallint, i / 16 + 1, engagerr_id_ending(%(tenant)s)), i %% 16,
       i / 16 + 1, %(outside)s, (%(payables)s::uuid[])[1 + i %% 500], 'EUR', 100, 'single', NULL, NULL,
       'bench ' || i, 0, sha256('x'), 'fund', 'bench:1', NULL, at, at, i %% 16, i / 16 + 1, -100 * (i / 16 + 1), 0, 0,
       0, i / 500 + 1, 100 * (i / 500 + 1), 0, 0, sha256('x')
FROM (SELECT i, %(first)s::timestamptz + i * interval '1 second' AS at
      FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS i) AS numbered
"""
FILL_BALANCES = """
UPDATE ledger_balances SET posted = 100 * (%(count)s / 500), version = %(count)s / 500, last_at = now()
WHERE tenant_id = %(tenant)s AND guarded
"""
FILL_OUTSIDE = """
INSERT INTO ledger_balances
SELECT %(tenant)s, %(outside)s, lane, false, 'EUR', -100 * (%(count)s / 16), 0, 0, %(count)s / 16, now()
FROM generate_series(0, 15) AS lane
"""


@dataclass(frozen=True, slots=True)
class Books:
    """A tenant of the bench's server with accounts of both kinds of ledger; half of the payables are full of money."""

    home: Home
    tenant: UUID
    outside: UUID
    commission: UUID
    givers: list[UUID]
    takers: list[UUID]

    def connect(self) -> psycopg.Connection[Any]:
        """As the application, in the tenant; every statement is a transaction."""
        connection = self.home.connect(APP)
        connection.execute("SELECT set_config('engagerr.tenant_id', %s, false)", [str(self.tenant)])
        return connection


def found(home: Home) -> Books:
    """A workspace with a thousand payables, and the rivals with the same accounts."""
    with Engagerr.open(home=home.path) as engagerr:
        tenant = engagerr.init("Bench", email="bench@northlight.example").tenant.id
    with home.connect(SUPERUSER) as superuser:
        superuser.execute(PLAIN)
    unfinished = Books(home, tenant, tenant, tenant, [], [])
    with unfinished.connect() as connection:
        made = {
            (kind, number): connection.execute(
                "INSERT INTO ledger_accounts (tenant_id, kind, party, currency, guarded)"
                " VALUES (%s, %s, %s, 'EUR', %s) RETURNING id",
                [tenant, kind, f"bench {number}", kind == "payable"],
            ).fetchone()[0]  # type: ignore[index]
            for kind, count in (("outside", 1), ("commission", 1), ("payable", ACCOUNTS))
            for number in range(count)
        }
        payables = [made["payable", number] for number in range(ACCOUNTS)]
        books = Books(
            home,
            tenant,
            made["outside", 0],
            made["commission", 0],
            payables[: ACCOUNTS // 2],
            payables[ACCOUNTS // 2 :],
        )
        legs = [ours(books.outside, giver, 10**12) | {"key": f"fund {giver}", "kind": "fund"} for giver in books.givers]
        connection.execute(POST_BATCH, [tenant, as_json(legs)])
    with home.connect(SUPERUSER) as superuser:
        superuser.execute(
            "INSERT INTO plain_accounts (id, currency, balance, may_be_negative)"
            " SELECT 'acc_' || id, 'EUR', CASE WHEN id = ANY (%s) THEN 1e12 ELSE 0 END, NOT guarded"
            " FROM ledger_accounts",
            [books.givers],
        )
    return books


def ours(source: UUID, destination: UUID, minor: int) -> dict[str, object]:
    """A transfer as the ledger takes it."""
    return {
        "key": f"bench {random.getrandbits(96):x}", "source": source, "destination": destination,
        "currency": "EUR", "amount": minor, "kind": "release", "subject": "bench:1",
    }  # fmt: skip


def as_json(legs: Sequence[object]) -> str:
    """As the library writes it, too."""
    return msgspec.json.encode(legs).decode()


Work = Callable[[psycopg.Connection[Any]], int]


def work_of(books: Books) -> dict[str, tuple[Work, int]]:
    """What is measured: how many transfers one call makes, and how many workers call."""

    def pair() -> tuple[UUID, UUID, int]:
        return random.choice(books.givers), random.choice(books.takers), random.randrange(1, 1000)

    def single(connection: psycopg.Connection[Any]) -> int:
        connection.execute(POST, [books.tenant, as_json([ours(*pair())])]).fetchall()
        return 1

    def hot(connection: psycopg.Connection[Any]) -> int:
        giver, _, minor = pair()
        connection.execute(POST, [books.tenant, as_json([ours(giver, books.commission, minor)])]).fetchall()
        return 1

    def batch(connection: psycopg.Connection[Any]) -> int:
        legs = [ours(*pair()) for _ in range(BATCH)]
        connection.execute(POST_BATCH, [books.tenant, as_json(legs)]).fetchall()
        return BATCH

    def plain(connection: psycopg.Connection[Any], count: int = 1) -> int:
        pairs = [pair() for _ in range(count)]
        connection.execute(
            PLAIN_POST,
            [[f"acc_{one[0]}" for one in pairs], [f"acc_{one[1]}" for one in pairs], [one[2] for one in pairs]],
        ).fetchall()
        return count

    def plain_hot(connection: psycopg.Connection[Any]) -> int:
        giver, _, minor = pair()
        connection.execute(PLAIN_POST, [[f"acc_{giver}"], [f"acc_{books.commission}"], [minor]]).fetchall()
        return 1

    def round_trips(connection: psycopg.Connection[Any]) -> int:
        giver, taker, minor = pair()
        five_round_trips(connection, f"acc_{giver}", f"acc_{taker}", minor)
        return 1

    return {
        "single, 1 worker": (single, 1),
        "plain single, 1 worker": (plain, 1),
        "five round trips, 1 worker": (round_trips, 1),
        "single": (single, WORKERS),
        "plain single": (plain, WORKERS),
        "five round trips": (round_trips, WORKERS),
        "hot commission": (hot, WORKERS),
        "plain hot commission": (plain_hot, WORKERS),
        f"batch of {BATCH}": (batch, 1),
        f"plain batch of {RIVAL_BATCH}": (lambda connection: plain(connection, RIVAL_BATCH), 1),
    }


def five_round_trips(connection: psycopg.Connection[Any], source: str, destination: str, minor: int) -> None:
    """The same transfer as application code writes it: read and lock, insert, update twice, insert the entries."""
    with connection.transaction():
        rows = connection.execute(
            "SELECT id, balance, version FROM plain_accounts WHERE id IN (%s, %s) ORDER BY id FOR UPDATE",
            [source, destination],
        ).fetchall()
        held = {row[0]: row for row in rows}
        after = {source: held[source][1] - minor, destination: held[destination][1] + minor}
        made = connection.execute(
            "INSERT INTO plain_transfers (source_id, destination_id, amount, created_at, event_at)"
            " VALUES (%s, %s, %s, now(), now()) RETURNING id",
            [source, destination, minor],
        ).fetchone()
        assert made is not None
        for account, left in after.items():
            connection.execute(
                "UPDATE plain_accounts SET balance = %s, version = version + 1 WHERE id = %s", [left, account]
            )
        connection.execute(
            "INSERT INTO plain_entries (account_id, transfer_id, amount, balance_before, balance_after, version,"
            " created_at) VALUES (%s, %s, %s, %s, %s, %s, now()), (%s, %s, %s, %s, %s, %s, now())",
            [
                part
                for account in after
                for part in (
                    account, made[0], after[account] - held[account][1], held[account][1], after[account],
                    held[account][2] + 1,
                )
            ],
        )  # fmt: skip


def rate(books: Books, work: Work, workers: int, seconds: float) -> float:
    """Transfers a second that so many workers make, each on a connection of its own that is warm."""
    gate, done = threading.Barrier(workers + 1), threading.Event()
    made = [0] * workers

    def run(number: int) -> None:
        with books.connect() as connection:
            for _ in range(6):
                work(connection)
            gate.wait()
            while not done.is_set():
                made[number] += work(connection)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    time.sleep(seconds)
    done.set()
    for thread in threads:
        thread.join()
    return sum(made) / (time.perf_counter() - started)


def measure_rates(books: Books, rounds: int, seconds: float) -> tuple[list[Limit], dict[str, Any]]:
    """All kinds of work in turns, each round in another order; what is compared is compared within a round."""
    work = work_of(books)
    rates: dict[str, list[float]] = {name: [] for name in work}
    for name in work:
        rate(books, *work[name], min(seconds, 0.5))
    with books.home.connect(SUPERUSER) as superuser:
        superuser.execute("VACUUM ANALYZE")
    for number in range(rounds):
        names = list(work)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            rates[name].append(rate(books, *work[name], seconds))

    def ratio(above: str, below: str) -> tuple[float, dict[str, float]]:
        ratios = [mine / theirs for mine, theirs in zip(rates[above], rates[below], strict=True)]
        return statistics.median(ratios), spread(ratios)

    def limit(name: str, above: str, below: str, at_least: float) -> Limit:
        median, figures = ratio(above, below)
        return Limit(name, median, at_least=at_least, figures={"of": [above, below], "ratios": figures})

    batches = (f"batch of {BATCH}", f"plain batch of {RIVAL_BATCH}")
    limits = [
        limit("single postings to a plain function, one worker", "single, 1 worker", "plain single, 1 worker", 1.0),
        limit("single postings to a plain function", "single", "plain single", 1.0),
        limit(f"batches of {BATCH} to a plain batch of {RIVAL_BATCH}", *batches, 5.0),
        limit("with one hot commission account to without", "hot commission", "single", 0.9),
    ]
    also = {
        "transfers_a_second": {name: spread(values, 0) for name, values in rates.items()},
        "single postings to five round trips": ratio("single", "five round trips")[1],
        "plain, with one hot account to without": ratio("plain hot commission", "plain single")[1],
    }
    return limits, also


def fill(home: Home, transfers: int) -> Books:
    """A tenant of its own with so many transfers, and sixteen lanes."""
    books = found_reader(home)
    with home.connect(SUPERUSER) as superuser:
        superuser.execute("SET session_replication_role = replica")
        values = {
            "tenant": books.tenant, "outside": books.outside, "payables": books.takers, "first": FIRST,
            "count": transfers,
        }  # fmt: skip
        for start in range(0, transfers, 250_000):
            superuser.execute(FILL, values | {"from": start, "to": min(start + 250_000, transfers) - 1})
        superuser.execute("SELECT set_config('engagerr.tenant_id', %s, false)", [str(books.tenant)])
        superuser.execute(FILL_BALANCES, values)
        superuser.execute(FILL_OUTSIDE, values)
        superuser.execute("VACUUM ANALYZE ledger_transfers, ledger_balances, ledger_accounts")
    return books


def found_reader(home: Home) -> Books:
    """The accounts of the second tenant."""
    tenant = UUID(int=random.getrandbits(128))
    books = Books(home, tenant, tenant, tenant, [], [])
    with books.connect() as connection:
        connection.execute("INSERT INTO tenants (id, kind, name) VALUES (%s, 'agency', 'Reader')", [tenant])
        made = [
            connection.execute(
                "INSERT INTO ledger_accounts (tenant_id, kind, party, currency, guarded)"
                " VALUES (%s, %s, %s, 'EUR', %s) RETURNING id",
                [tenant, kind, f"reader {number}", kind == "payable"],
            ).fetchone()[0]  # type: ignore[index]
            for number, kind in enumerate(["outside"] + ["payable"] * 500)
        ]
    return Books(home, tenant, made[0], made[0], [], made[1:])


def measure_reads(books: Books, transfers: int, reads: int) -> tuple[list[Limit], dict[str, Any]]:
    """A row by its key, the balance at a random moment, and a page of a statement at a random place, in turns."""
    settings = Engagerr.open(home=books.home.path)
    payables = [AccountRow(one, "payable", "reader", "EUR", True) for one in books.takers]
    busy = AccountRow(books.outside, "outside", "reader", "EUR", False)
    by_key = text(
        "SELECT * FROM ledger_transfers WHERE tenant_id = :tenant_id AND id = engagerr_transfer_id("
        "CAST(:lane AS smallint), CAST(:sequence AS bigint), engagerr_id_ending(:tenant_id))"
    )

    def at() -> datetime:
        return FIRST + timedelta(seconds=random.randrange(transfers))

    with settings as engagerr, engagerr.database.transaction(books.tenant) as session:
        calls: dict[str, Callable[[], object]] = {
            "a row by its key": lambda: session.execute(
                by_key,
                {
                    "tenant_id": books.tenant,
                    "lane": random.randrange(16),
                    "sequence": random.randrange(transfers // 16),
                },
            ).one_or_none(),
            "balance now": lambda: balance(session, tenant_id=books.tenant, account_id=random.choice(books.takers)),
            "balance at a moment": lambda: balance(
                session, tenant_id=books.tenant, account_id=random.choice(books.takers), at=at()
            ),
            "balance at a moment, busy account": lambda: balance(
                session, tenant_id=books.tenant, account_id=books.outside, at=at()
            ),
            "page of a statement": lambda: statement_page(
                session, random.choice(payables), tenant_id=books.tenant, since=at()
            ),
            "page of a statement, busy account": lambda: statement_page(
                session, busy, tenant_id=books.tenant, since=at()
            ),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(reads + 50):
            for name, call in calls.items():
                started = time.perf_counter()
                call()
                if number >= 50:
                    times[name].append((time.perf_counter() - started) * 1e6)
        whole, lines = read_whole(session, books, payables[0])
    key = statistics.median(times["a row by its key"])
    limits = [
        Limit(
            f"{name} to a row by its key", statistics.median(times[name]) / key, at_most=20,
            figures={"microseconds": spread(times[name], 0)},
        )
        for name in list(calls)[2:]
    ]  # fmt: skip
    limits.append(
        Limit(
            f"each page of a statement of {lines:,} lines to a row by its key", statistics.median(whole) / key,
            at_most=20, figures={"microseconds": spread(whole, 0)},
        )
    )  # fmt: skip
    return limits, {"microseconds": {name: spread(values, 0) for name, values in times.items()}}


def read_whole(session: Any, books: Books, account: AccountRow) -> tuple[Sequence[float], int]:
    """A whole statement, page by page: how long each took, and how many lines there were."""
    times, lines, after, held = [], 0, None, 0
    while True:
        started = time.perf_counter()
        page = statement_page(session, account, tenant_id=books.tenant, after=after)
        times.append((time.perf_counter() - started) * 1e6)
        assert page.opening.minor == held
        lines, held, after = lines + len(page.lines), page.closing.minor, page.next
        if after is None:
            return times, lines


def main() -> None:
    """Measure, and print one JSON document."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=12, help="paired rounds of the rates")
    parser.add_argument("--seconds", type=float, default=0.6, help="of each measurement")
    parser.add_argument("--transfers", type=int, default=5_000_000, help="that reads are measured at")
    parser.add_argument("--reads", type=int, default=400, help="of each kind")
    options = parser.parse_args()
    with temporary_home() as home:
        with step("accounts"):
            books = found(home)
        with step("rates"):
            limits, also = measure_rates(books, options.rounds, options.seconds)
        with step(f"{options.transfers:,} transfers"):
            reader = fill(home, options.transfers)
        with step("reads"):
            more, figures = measure_reads(reader, options.transfers, options.reads)
    finish(
        "ledger", limits + more,
        sizes={"accounts": ACCOUNTS, "workers": WORKERS, "transfers": options.transfers, "rounds": options.rounds},
        also=also | figures, assert_limits=options.assert_limits,
    )  # fmt: skip


if __name__ == "__main__":
    main()
