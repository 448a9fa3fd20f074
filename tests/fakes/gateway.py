"""The platforms behind one address of this machine, which third parties have too."""

from engagerr.core.integrations.contract import Gateway

__all__ = ["Gateway"]
