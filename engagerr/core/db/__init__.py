"""The database: one PostgreSQL, embedded or yours, reached by tenant only."""

from engagerr.core.db.database import Database, Session, constraint_of
from engagerr.core.db.server import DatabaseStatus

__all__ = ["Database", "DatabaseStatus", "Session", "constraint_of"]
