"""Whether the market is open, and the special days to come."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tickstock_dagster.core.calendars.session_calendar import LAST_DAY
from tickstock_dagster.simulator.clock import EASTERN
from tickstock_dagster.simulator.http.call import Call

_EARLY_FROM, _LATE_UNTIL = time(4), time(20)
_AHEAD = timedelta(days=400)
_SATURDAY = 5


def now(call: Call) -> dict[str, Any]:
    """`/v1/marketstatus/now`: a flat object."""
    local = call.now.astimezone(EASTERN)
    calendar = call.tape.calendar
    early = late = regular = False
    if calendar.is_session(local.date()):
        opens, closes = calendar.opens_at(local.date()), calendar.closes_at(local.date())
        regular = opens <= call.now < closes
        early = call.now < opens and local.time() >= _EARLY_FROM
        late = call.now >= closes and local.time() < _LATE_UNTIL
    market = "open" if regular else "extended-hours" if early or late else "closed"
    return {
        "market": market,
        "earlyHours": early,
        "afterHours": late,
        "serverTime": local.isoformat(timespec="seconds"),
        "exchanges": {"nyse": market, "nasdaq": market, "otc": market},
        "currencies": {"fx": "open" if local.weekday() < _SATURDAY else "closed", "crypto": "open"},
        "indicesGroups": {"s_and_p": market, "nasdaq": market, "dow_jones": market},
    }


def upcoming(call: Call) -> list[dict[str, Any]]:
    """`/v1/marketstatus/upcoming`: a bare array, future days only, one row per exchange."""
    rows: list[dict[str, Any]] = []
    day, end = call.today, min(call.today + _AHEAD, LAST_DAY)
    calendar = call.tape.calendar
    while (day := day + timedelta(days=1)) <= end:
        if day.weekday() >= _SATURDAY:
            continue
        if not calendar.is_session(day):
            special = {"name": holiday_name(day), "date": day.isoformat(), "status": "closed"}
        elif calendar.is_half_day(day):
            special = {
                "name": holiday_name(day),
                "date": day.isoformat(),
                "status": "early-close",
                "open": _utc(calendar.opens_at(day)),
                "close": _utc(calendar.closes_at(day)),
            }
        else:
            continue
        rows += [{"exchange": exchange, **special} for exchange in ("NYSE", "NASDAQ", "OTC")]
    return rows


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


_NAMES = (
    ("New Years Day", (12, 30), (1, 3)),
    ("Martin Luther King, Jr. Day", (1, 15), (1, 21)),
    ("Washington's Birthday", (2, 15), (2, 21)),
    ("Good Friday", (3, 20), (4, 23)),
    ("Memorial Day", (5, 25), (5, 31)),
    ("Juneteenth", (6, 18), (6, 20)),
    ("Independence Day", (7, 2), (7, 5)),
    ("Labor Day", (9, 1), (9, 7)),
    ("Thanksgiving", (11, 22), (11, 29)),
    ("Christmas", (12, 24), (12, 26)),
)


def holiday_name(day: date) -> str:
    """The vendor's name of a special day; a closure that is no known holiday is a special closing."""
    here = (day.month, day.day)
    for name, first, last in _NAMES:
        inside = first <= here <= last if first <= last else here >= first or here <= last
        if inside:
            return name
    return "Special Closing"
