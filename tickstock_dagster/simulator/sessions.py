"""When New York trades, as the simulator needs it: one cached calendar. Which rules hold is the calendar's matter."""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

FIRST_DAY = date(2003, 9, 10)
"""The vendor's history begins here."""
LAST_DAY = date(2030, 12, 31)
EASTERN = ZoneInfo("America/New_York")


class Sessions:
    """The exchange's sessions from `FIRST_DAY` to `LAST_DAY`."""

    def __init__(self) -> None:
        import pandas_market_calendars as mcal

        schedule = mcal.get_calendar("XNYS").schedule(FIRST_DAY, LAST_DAY)
        self.days: list[date] = [stamp.date() for stamp in schedule.index]
        self.ordinals: npt.NDArray[np.int32] = np.array([day.toordinal() for day in self.days], dtype=np.int32)
        self._closes: dict[date, datetime] = {
            day: close.to_pydatetime() for day, close in zip(self.days, schedule["market_close"], strict=True)
        }

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on `day`."""
        return day in self._closes

    def closes_at(self, day: date) -> datetime:
        """The close of session `day`, UTC; 16:00 ET for a day that is none."""
        return self._closes.get(day) or datetime.combine(day, time(16), EASTERN)

    def opens_at(self, day: date) -> datetime:
        """The open of session `day`, 09:30 ET."""
        return datetime.combine(day, time(9, 30), EASTERN)

    def is_half_day(self, day: date) -> bool:
        """Whether session `day` closes before 16:00 ET."""
        return self.closes_at(day) < datetime.combine(day, time(16), EASTERN)

    def between(self, start: date, end: date) -> list[date]:
        """Sessions in [start, end]."""
        first, last = np.searchsorted(self.ordinals, [start.toordinal(), (end + timedelta(days=1)).toordinal()])
        return self.days[int(first) : int(last)]


@lru_cache(maxsize=1)
def sessions() -> Sessions:
    """The one calendar of this process; the first call reads it (about a second)."""
    return Sessions()
