"""The embedded PostgreSQL of a home: closed to others, started on demand, shared, and left running."""

from engagerr.core.db.embedded.postmaster import ServerAddress
from engagerr.core.db.embedded.server import DATABASE, EmbeddedServer, ServerStatus

__all__ = ["DATABASE", "EmbeddedServer", "ServerAddress", "ServerStatus"]
