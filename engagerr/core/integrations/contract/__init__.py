"""What holds for every connector, as checks that anybody can run: ours do, and those of other packages should.

A fake of the platform (`FakePlatform`) answers in the platform's own shapes. `CHECKS` lead the connector through it and
say in words what does not hold. `Gateway` puts the fake behind an address of this machine, so that the commands can be
tried on it. Nothing here is loaded unless a test or a demo asks for it.
"""

from engagerr.core.integrations.contract.asking import PlainAsk
from engagerr.core.integrations.contract.checks import CHECKS, Check, complaints
from engagerr.core.integrations.contract.fake_platform import NEWEST, FakePlatform, Published, json_response
from engagerr.core.integrations.contract.gateway import Gateway, serve
from engagerr.core.integrations.contract.rehearsal import UNTIL, Pass, Rehearsal, metrics_of

__all__ = [
    "CHECKS",
    "NEWEST",
    "UNTIL",
    "Check",
    "FakePlatform",
    "Gateway",
    "Pass",
    "PlainAsk",
    "Published",
    "Rehearsal",
    "complaints",
    "json_response",
    "metrics_of",
    "serve",
]
