"""The plainest way to ask a fake, which third parties have too."""

from engagerr.core.integrations.contract import PlainAsk

__all__ = ["PlainAsk"]
