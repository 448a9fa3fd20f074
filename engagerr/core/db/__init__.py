"""The database: one PostgreSQL, embedded or yours, reached by tenant only."""

from engagerr.core.db.advisory_lock import AdvisoryLock, holder_of
from engagerr.core.db.database import Database, Session, constraint_of
from engagerr.core.db.server import DatabaseStatus

__all__ = ["AdvisoryLock", "Database", "DatabaseStatus", "Session", "constraint_of", "holder_of"]
