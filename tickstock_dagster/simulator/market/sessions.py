"""When New York trades: the project's calendar as arrays, to draw and publish the market with."""

from datetime import date, datetime, time
from functools import lru_cache

import numpy as np

from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import LAST_DAY, library_calendar
from tickstock_dagster.simulator.clock import EASTERN
from tickstock_dagster.simulator.market.securities import Ordinals

FIRST_DAY = date(2003, 9, 10)
"""The first day of the vendor's history."""

_USUAL_CLOSE = time(16)


class Sessions:
    """The exchange's sessions from `FIRST_DAY` to `LAST_DAY`; no other day counts as one."""

    def __init__(self) -> None:
        hours = library_calendar(MARKET).session_hours(FIRST_DAY, LAST_DAY)
        self._hours = {row.session: row for row in hours}
        self.days: list[date] = list(self._hours)
        self.ordinals: Ordinals = np.array([day.toordinal() for day in self.days], dtype=np.int32)

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on `day`."""
        return day in self._hours

    def opens_at(self, session: date) -> datetime:
        """The open of `session`, UTC."""
        return self._hours[session].opens_at

    def closes_at(self, day: date) -> datetime:
        """The close of `day`, UTC; 16:00 ET for a day without a session, since a file may have bars of one."""
        hours = self._hours.get(day)
        return hours.closes_at if hours else datetime.combine(day, _USUAL_CLOSE, EASTERN)

    def is_half_day(self, session: date) -> bool:
        """Whether `session` closes early."""
        return self._hours[session].is_early_close


@lru_cache(maxsize=1)
def sessions() -> Sessions:
    """The one calendar of this process."""
    return Sessions()
