"""The sandbox before the official Stripe command line, a client that is not ours: which of its scenarios work.

The command line is fetched from npm, once, wherever you like:

    npm install --prefix /tmp/stripe-cli @stripe/cli@1.52.0
    scripts/bench/bench_sandbox.py --cli /tmp/stripe-cli/node_modules/.bin/stripe

`stripe trigger NAME --api-base URL` plays a scenario of several requests. The two scenarios of billing meters are left
out: they speak to another host of Stripe's, whatever they are told. What fails and why stands in the output. Beside it:
every request and answer judged by Stripe's own description, how long a request takes, and a process that is killed
while thirty clients write.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from engagerr.core.clock import SystemClock
from engagerr.core.payments.sandbox import KEY, Sandbox, serve
from measuring import Limit, arguments, finish, percentile, say

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
HEADERS = {"Authorization": f"Bearer {KEY}"}
MONEY = (
    "charge",
    "payment_intent",
    "transfer",
    "payout",
    "topup",
    "invoice",
    "subscription",
    "checkout",
    "customer.sub",
)
# They wait for something that the description of the sandbox's version does not have.
MISSING = {
    "parameters that this version of the API no longer has": (
        "customer.discount.created", "customer.discount.deleted", "customer.discount.updated", "promotion_code.created",
        "promotion_code.updated", "subscription_schedule.canceled", "subscription_schedule.completed",
        "subscription_schedule.created", "subscription_schedule.released", "subscription_schedule.updated",
    ),
    "a path that is not described": (
        "issuing_authorization.request", "issuing_authorization.request.eu", "issuing_authorization.request.gb",
    ),
    "bank transfers into a customer's balance": ("payment_intent.partially_funded",),
}  # fmt: skip
SERVED = """
import pathlib, sys, time
from engagerr.core.clock import SystemClock
from engagerr.core.payments.sandbox import Sandbox, serve
serve(Sandbox(pathlib.Path(sys.argv[1]), clock=SystemClock()), int(sys.argv[2]))
print("ready", flush=True)
time.sleep(3600)
"""


def scenarios(cli: str, environment: dict[str, str]) -> list[str]:
    """The names that `stripe trigger --help` lists, without those of meters."""
    shown = subprocess.run([cli, "trigger", "--help"], env=environment, capture_output=True, text=True, check=True)
    names = re.findall(r"^ {2}([a-z0-9_.]+)$", shown.stdout, re.MULTILINE)
    return [name for name in names if "meter" not in name]


def trigger(cli: str, name: str, url: str, environment: dict[str, str]) -> str | None:
    """Play one scenario; what went wrong, if something did."""
    done = subprocess.run(
        [cli, "trigger", name, "--api-base", url], env=environment, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    return None if done.returncode == 0 else " ".join((done.stdout + done.stderr).split())[-300:]


def triggers(cli: str, folder: Path) -> tuple[list[Limit], dict[str, Any]]:
    """Play every scenario against one sandbox."""
    environment = {
        **os.environ, "STRIPE_API_KEY": f"{KEY}_for_the_cli", "HOME": str(folder), "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
    }  # fmt: skip
    from tests.core.payments.sandbox.judging import Judged

    sandbox = Judged(folder / "triggers.sqlite", clock=SystemClock())
    with serve(sandbox) as server:
        for currency in ("usd", "eur"):
            httpx.post(f"{server.url}/v1/topups", data={"amount": 10_000_000, "currency": currency}, headers=HEADERS)
        names = scenarios(cli, environment)
        with ThreadPoolExecutor(2) as pool:
            wrong = dict(
                zip(names, pool.map(lambda name: trigger(cli, name, server.url, environment), names), strict=True)
            )
    sandbox.judge_events()
    failed = {name: why for name, why in wrong.items() if why is not None}
    money = [name for name in names if name.startswith(MONEY)]
    excused = {name: why for why, group in MISSING.items() for name in group}
    money_failed = [name for name in money if name in failed and name not in excused]
    for name, why in failed.items():
        say(f"  {name}: {excused.get(name, why)}")
    for fault in sorted(set(sandbox.wrong))[:20]:
        say(f"  invalid: {fault}")
    return [
        Limit("scenarios of the official command line", len(names) - len(failed), at_least=105),
        Limit("scenarios that move money and fail", len(money_failed), at_most=0),
        Limit("answers or requests that break the description", len(sandbox.wrong), at_most=0,
              figures={"judged": sandbox.judged}),
    ], {"scenarios": len(names), "failed": {name: excused.get(name, why) for name, why in failed.items()}}  # fmt: skip


def paces(folder: Path) -> list[Limit]:
    """How long a payment takes, and how long a look, over HTTP."""
    figures = {}
    with (
        serve(Sandbox(folder / "paces.sqlite", clock=SystemClock())) as server,
        httpx.Client(headers=HEADERS) as client,
    ):
        form = {"amount": 1000, "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true",
                "payment_method_types[]": "card"}  # fmt: skip
        paid = [_timed(client, "POST", f"{server.url}/v1/payment_intents", form) for _ in range(300)]
        last = client.get(f"{server.url}/v1/payment_intents?limit=1").json()["data"][0]["id"]
        seen = [_timed(client, "GET", f"{server.url}/v1/payment_intents/{last}", None) for _ in range(300)]
        figures = {name: {"median_ms": round(statistics.median(took), 2), "p99_ms": round(percentile(took, 0.99), 2)}
                   for name, took in (("payment", paid), ("look", seen))}  # fmt: skip
    return [Limit("a payment in milliseconds (median)", statistics.median(paid), at_most=10, figures=figures)]


def _timed(client: httpx.Client, method: str, url: str, form: dict[str, Any] | None) -> float:
    started = time.perf_counter()
    client.request(method, url, data=form).raise_for_status()
    return 1e3 * (time.perf_counter() - started)


def killed(folder: Path, *, rounds: int) -> Limit:
    """Kill the process while clients write, start it again, repeat what had no answer; what is lost or doubled."""
    path, port = folder / "killed.sqlite", _free_port()
    heard: dict[str, str] = {}
    wanted: list[str] = []
    for number in range(rounds):
        process = _served(path, port)
        stop = threading.Event()
        threads = [
            threading.Thread(target=_write, args=(port, f"{number}-{writer}", stop, heard, wanted))
            for writer in range(4)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.4)
        process.send_signal(signal.SIGKILL)
        process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    process = _served(path, port)
    wrong = 0
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS) as client:
        for key in wanted:
            again = client.post("/v1/topups", data=_topup(key), headers={"Idempotency-Key": key}).json()["id"]
            wrong += heard.get(key, again) != again
        balance = client.get("/v1/balance").json()["available"][0]["amount"]
    process.kill()
    process.wait()
    wrong += balance != len(set(wanted))
    say(f"  {rounds} kills: {len(heard)} answered, {len(wanted) - len(heard)} repeated, {wrong} wrong")
    return Limit(
        "lost or doubled over kills", wrong, at_most=0,
        figures={"kills": rounds, "answered": len(heard), "repeated": len(wanted) - len(heard)},
    )  # fmt: skip


def _topup(key: str) -> dict[str, Any]:
    return {"amount": 1, "currency": "eur", "description": key}


def _write(port: int, name: str, stop: threading.Event, heard: dict[str, str], wanted: list[str]) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS) as client:
        number = 0
        while not stop.is_set():
            number += 1
            key = f"{name}-{number}"
            wanted.append(key)
            try:
                answer = client.post("/v1/topups", data=_topup(key), headers={"Idempotency-Key": key})
            except httpx.TransportError:
                return
            heard[key] = answer.json()["id"]


def _served(path: Path, port: int) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", SERVED, str(path), str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> None:
    """Measure, print."""
    parser: argparse.ArgumentParser = arguments(__doc__ or "")
    parser.add_argument("--cli", default=shutil.which("stripe"), help="the official Stripe command line, 1.52.0")
    parser.add_argument("--kills", type=int, default=20, help="kills of the process")
    options = parser.parse_args()
    say("sandbox")
    limits: list[Limit] = []
    also: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="engagerr-bench-") as place:
        if options.cli is None:
            say("  no Stripe command line here: its scenarios are left out (see --help)")
            also["left_out"] = "the scenarios of the official command line: it is not installed"
        else:
            limits, also = triggers(options.cli, Path(place))
        limits += [*paces(Path(place)), killed(Path(place), rounds=options.kills)]
    finish("sandbox", limits, sizes={"kills": options.kills}, also=also, assert_limits=options.assert_limits)


if __name__ == "__main__":
    main()
