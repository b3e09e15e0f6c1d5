"""Facts about NASDAQ's and Xetra's special days, 2010-2027, from the exchanges' own rules and notices.

They are written here from what the exchanges announced, and not taken from a calendar library: both libraries share
one implementation of these two calendars, so neither can vouch for the other. Each rule names where it comes from.
"""

from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import chain

from dateutil.easter import easter

YEARS = range(2010, 2028)
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)

NASDAQ_EARLY_CLOSE = time(13, 0)
"""Nasdaq trader calendar: 'early close, 1:00 pm' (Eastern), the same hour as the New York Stock Exchange."""

XETRA_LAST_SESSION_CLOSE = time(14, 0)
"""Deutsche Boerse notices for the last trading day of each year: continuous trading ends, and the call phase of the
closing auction begins, at 14:00 Frankfurt time (so already in 2005, as dpa-AFX reported on 29 December)."""


@dataclass(frozen=True)
class Fact:
    """One day and why it is special."""

    day: date
    reason: str


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _last(year: int, month: int, weekday: int) -> date:
    end = date(year, month + 1, 1) - timedelta(days=1)
    return end - timedelta(days=(end.weekday() - weekday) % 7)


def _moved_off_the_weekend(day: date) -> date:
    """NYSE Rule 7.2 and Nasdaq's calendar: a holiday on a Saturday is kept on Friday, one on a Sunday on Monday."""
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


def _weekdays(facts: list[Fact]) -> list[Fact]:
    return [fact for fact in facts if fact.day.weekday() < SATURDAY]


def _nasdaq_closed(year: int) -> list[Fact]:
    new_year = date(year, 1, 1)
    facts = [
        # A Saturday New Year is not moved: the Friday ends the business year (NYSE Rule 7.2): 2010-12-31 and 2021-12-31
        # were full sessions, 2027-12-31 will be.
        Fact(new_year + timedelta(days=new_year.weekday() == SUNDAY), "New Year's Day"),
        Fact(_nth(year, 1, MONDAY, 3), "Martin Luther King Jr. Day: third Monday of January"),
        Fact(_nth(year, 2, MONDAY, 3), "Washington's Birthday: third Monday of February"),
        Fact(easter(year) - timedelta(days=2), "Good Friday"),
        Fact(_last(year, 5, MONDAY), "Memorial Day: last Monday of May"),
        Fact(_moved_off_the_weekend(date(year, 7, 4)), "Independence Day"),
        Fact(_nth(year, 9, MONDAY, 1), "Labor Day: first Monday of September"),
        Fact(_nth(year, 11, THURSDAY, 4), "Thanksgiving Day: fourth Thursday of November"),
        Fact(_moved_off_the_weekend(date(year, 12, 25)), "Christmas Day"),
    ]
    # A federal holiday since 17 June 2021, the day before it was first due; the exchanges kept it first in 2022.
    if year >= 2022:
        facts.append(Fact(_moved_off_the_weekend(date(year, 6, 19)), "Juneteenth"))
    return _weekdays(facts)


NASDAQ_ONE_OFF_CLOSINGS = [
    Fact(date(2012, 10, 29), "hurricane Sandy, first day"),
    Fact(date(2012, 10, 30), "hurricane Sandy, second day"),
    Fact(date(2018, 12, 5), "national day of mourning for President George H. W. Bush"),
    Fact(date(2025, 1, 9), "national day of mourning for President Jimmy Carter"),
]


def _nasdaq_early(year: int) -> list[Fact]:
    facts = [Fact(_nth(year, 11, THURSDAY, 4) + timedelta(days=1), "the day after Thanksgiving")]
    # 3 July and 24 December close early when they are sessions and the holiday follows on the next day: Monday to
    # Thursday. On a Friday they are the holiday itself, kept a day early.
    for day, reason in ((date(year, 7, 3), "eve of Independence Day"), (date(year, 12, 24), "Christmas Eve")):
        if day.weekday() <= THURSDAY:
            facts.append(Fact(day, reason))
    return facts


def _xetra_closed(year: int) -> list[Fact]:
    facts = [
        Fact(date(year, 1, 1), "New Year's Day; German holidays on a weekend are not moved"),
        Fact(easter(year) - timedelta(days=2), "Good Friday"),
        Fact(easter(year) + timedelta(days=1), "Easter Monday"),
        Fact(date(year, 5, 1), "Labour Day"),
        Fact(date(year, 12, 24), "Christmas Eve: no trading, settlement open"),
        Fact(date(year, 12, 25), "Christmas Day"),
        Fact(date(year, 12, 26), "second day of Christmas"),
        Fact(date(year, 12, 31), "New Year's Eve: no trading, settlement open"),
    ]
    # From 2000 on the exchange traded on Ascension, Whit Monday, Corpus Christi and Unity Day (Handelsblatt, 30 April
    # 2008): the DAX first closed above 10,000 on Whit Monday 2014. Unity Day was given back in 2014 (trading
    # calendar 2014), Whit Monday in 2015; the calendars of 2016 (16 May, 3 October), 2017 (5 June, 3 October), 2020
    # (1 June) and 2021 (24 May) list them. From 2022 both trade again (trading calendars 2022 and later: "regular
    # trading takes place on Ascension, Whit Monday, Corpus Christi, Unity Day").
    if 2015 <= year <= 2021:
        facts.append(Fact(easter(year) + timedelta(days=50), "Whit Monday"))
    if 2014 <= year <= 2021:
        facts.append(Fact(date(year, 10, 3), "German Unity Day"))
    if year == 2017:
        facts.append(Fact(date(2017, 10, 31), "Reformation Day, 500 years: a holiday in all of Germany that once"))
    return _weekdays(facts)


def _xetra_last_session(year: int) -> Fact:
    # 31 December never trades, so the last session is the last weekday up to the 30th.
    day = date(year, 12, 30)
    return Fact(day - timedelta(days=max(0, day.weekday() - FRIDAY)), "last session of the year")


NASDAQ_CLOSED = [*chain.from_iterable(map(_nasdaq_closed, YEARS)), *NASDAQ_ONE_OFF_CLOSINGS]
"""Weekdays without a session."""
NASDAQ_EARLY = [*chain.from_iterable(map(_nasdaq_early, YEARS))]
"""Sessions that close at 13:00."""
XETRA_CLOSED = [*chain.from_iterable(map(_xetra_closed, YEARS))]
"""Weekdays without a session."""
XETRA_EARLY = [_xetra_last_session(year) for year in YEARS]
"""Sessions that close at 14:00."""
