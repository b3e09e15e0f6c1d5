"""The vendor's clock: the real one, or one that stands where it was set. Rate windows do not use it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
"""The vendor dates everything in US Eastern time."""


class Clock:
    """Answers "now" in UTC."""

    def __init__(self, fixed: datetime | None = None) -> None:
        self._fixed = fixed.astimezone(UTC) if fixed else None

    def now(self) -> datetime:
        """The instant that holds for the vendor, timezone-aware UTC."""
        return self._fixed or datetime.now(UTC)

    def set(self, instant: datetime | None) -> None:
        """Stand still at `instant` (timezone-aware); None goes back to the real clock."""
        self._fixed = instant.astimezone(UTC) if instant else None


def eastern_date(instant: datetime) -> date:
    """The date in New York at `instant` (timezone-aware)."""
    return instant.astimezone(EASTERN).date()
