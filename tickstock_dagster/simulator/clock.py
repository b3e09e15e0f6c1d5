"""The vendor's clock: the real one, or one that is stopped at an instant. Rate windows do not use it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
"""The vendor dates everything in US Eastern time."""


class Clock:
    """Gives the vendor's "now" in UTC."""

    def __init__(self, fixed: datetime | None = None) -> None:
        self._fixed = fixed.astimezone(UTC) if fixed else None

    def now(self) -> datetime:
        """The vendor's present instant, timezone-aware UTC."""
        return self._fixed or datetime.now(UTC)

    def set(self, instant: datetime | None) -> None:
        """Stop the clock at `instant` (timezone-aware); None returns to the real clock."""
        self._fixed = instant.astimezone(UTC) if instant else None


def eastern_date(instant: datetime) -> date:
    """The date in New York at `instant` (timezone-aware)."""
    return instant.astimezone(EASTERN).date()
