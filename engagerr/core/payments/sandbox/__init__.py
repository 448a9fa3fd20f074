"""A payment provider on this machine, shaped like Stripe, so that nothing needs a key to be tried."""

from engagerr.core.payments.sandbox.desk import PLATFORM
from engagerr.core.payments.sandbox.sandbox import KEY, Answer, Sandbox
from engagerr.core.payments.sandbox.server import Server, local_sandbox, serve

__all__ = ["KEY", "PLATFORM", "Answer", "Sandbox", "Server", "local_sandbox", "serve"]
