"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# In the past of any machine that runs these tests: the database makes no partitions for months to come.
START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


class SteeredClock:
    """Stands at `START`; `advance(days=1)` moves it, `set(moment)` puts it anywhere."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """The moment that the test chose."""
        return self._now

    def advance(self, **by: float) -> datetime:
        """Move on by a `timedelta`: `advance(days=2, seconds=1)`."""
        self._now += timedelta(**by)
        return self._now

    def set(self, moment: datetime) -> None:
        """Stand at this moment (aware)."""
        assert moment.tzinfo is not None, "the clock tells aware times"
        self._now = moment

    def sleep(self, seconds: float) -> None:
        """Waiting takes no time of the test's; the clock moves."""
        self._now += timedelta(seconds=seconds)
