"""The clock of a process: the real one, or one that stands at the instant that TICKSTOCK_NOW names.

Nothing else outside the simulator reads the real clock. Commands and Dagster's resource read this one at their edge
and pass on, as an argument, what it says; so a command, the runs that it executes and its vendor agree.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from tickstock_dagster.settings import Settings

Clock = Callable[[], datetime]
"""Answers "now" as a timezone-aware UTC moment."""


def real_clock() -> datetime:
    """The moment by this machine's clock."""
    return datetime.now(UTC)


def clock_of(settings: Settings) -> Clock:
    """The clock that a process with these settings goes by."""
    instant = settings.now
    return real_clock if instant is None else lambda: instant
