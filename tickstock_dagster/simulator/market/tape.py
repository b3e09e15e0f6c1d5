"""What the vendor has published by now: printed bars by ticker or by day, raw or split-adjusted.

There is one raw store; reading applies adjustments, corrections and the time of publication. A ticker that changed
hands shows every holder's bars, each on its own days, as at the vendor.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import isnan
from typing import Any

import numpy as np

from tickstock_dagster.core.loading.vendor_plans import VendorPlan
from tickstock_dagster.simulator.clock import eastern_date
from tickstock_dagster.simulator.market.action_edits import ActionEdits
from tickstock_dagster.simulator.market.corrections import Corrections
from tickstock_dagster.simulator.market.market_data import MarketData
from tickstock_dagster.simulator.market.securities import DaySeries, Floats, Ordinals, Security, TickerSpan
from tickstock_dagster.simulator.market.sessions import Sessions

_ADJUSTED_DECIMALS = 4
_SHARES_A_TRADE = 110
_REMEMBERED = 4
"""Whole lists to keep; one of 13,000 rows takes 7 MB."""
_REMEMBERED_BARS = 40_000
"""Bars of whole days to keep; one takes 700 bytes."""
_KNOWN_AHEAD = timedelta(days=60)
_FLOAT_VOLUMES = 3
"""The vendor writes some volumes as floats: here those of every third day."""

PRICES = ("o", "h", "l", "c")
Columns = dict[str, Floats]
Lateness = Callable[[date], timedelta | None]
"""How much later than usual a session is published; None: not until its fault is cleared."""


@dataclass(frozen=True, slots=True)
class View:
    """How to read bars: the caller's plan, the vendor's instant and whether prices are split-adjusted."""

    plan: VendorPlan
    now: datetime
    adjusted: bool

    @property
    def today(self) -> date:
        """The date in New York."""
        return eastern_date(self.now)


@dataclass(frozen=True, slots=True)
class Printed:
    """One published bar, without `t` and `T`: `fields` are the vendor's one-letter keys."""

    ticker: str
    day: date
    fields: dict[str, float | int | None]


@dataclass(slots=True)
class Tape:
    """Reads `data` as of an instant.

    Attributes:
        delay: time between a close and the publication of its bars.
        lateness: further delay of a day.
        late_days: the days that have one.
        action_edits: changes to the feed of splits and dividends.
        seed: of what is invented beside the market: offerings, filings, news.
    """

    data: MarketData
    calendar: Sessions
    delay: timedelta
    corrections: Corrections
    lateness: Lateness
    late_days: Callable[[], set[date]]
    action_edits: ActionEdits = field(default_factory=ActionEdits)
    seed: int = 0
    _lists: dict[Hashable, list[dict[str, Any]]] = field(default_factory=dict)
    _parts: dict[Hashable, tuple[Hashable, list[dict[str, Any]]]] = field(default_factory=dict)
    _days: dict[Hashable, list[Printed]] = field(default_factory=dict)

    def remembered(self, key: Hashable, build: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The rows of a whole list, built once for all its pages; callers must not change them.

        `key` contains everything that the rows depend on besides the market.
        """
        if key not in self._lists:
            while len(self._lists) >= _REMEMBERED:
                del self._lists[next(iter(self._lists))]
            self._lists[key] = build()
        return self._lists[key]

    def remembered_part(
        self, key: Hashable, state: Hashable, build: Callable[[], list[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """The rows of one security in such a list, built again when `state` is another; callers must not change them.

        From day to day little of a list changes. `state` stands for what the rows depend on besides `key` and the
        market.
        """
        known, rows = self._parts.get(key, (None, []))
        if known != state:
            rows = build()
            self._parts[key] = (state, rows)
        return rows

    def reach(self, today: date) -> None:
        """Extend the market to everything that is known on `today`: companies announce dividends ahead."""
        if self.data.reach(today + _KNOWN_AHEAD):
            self._lists.clear()
            self._parts.clear()
            self._days.clear()

    def is_published(self, day: date, view: View) -> bool:
        """Whether the bars of `day` are published."""
        late = self.lateness(day)
        if late is None or day > view.today or (day == view.today and not view.plan.same_day):
            return False
        return view.now >= self.calendar.closes_at(day) + self.delay + late

    def of_ticker(self, ticker: str, first: date, last: date, view: View) -> list[Printed]:
        """Published bars of `ticker`, ascending.

        Args:
            ticker: as printed; case matters.
            first: first day, inclusive.
            last: last day, inclusive.
            view: for which plan, at which instant, adjusted or raw.
        """
        bars: list[Printed] = []
        for security, span in self._spans(ticker):
            start, end = max(first, span.first), min(last, span.last or last, view.today)
            if start <= end:
                bars += self._bars(security, ticker, start, end, view)
        hidden = {day for day in self.late_days() | {view.today} if not self.is_published(day, view)}
        return [bar for bar in bars if bar.day not in hidden]

    def of_day(self, day: date, view: View) -> list[Printed]:
        """Published bars of the whole market on `day`, by ticker; callers must not change them."""
        if not self.is_published(day, view):
            return []
        if self.corrections:
            return self._drawn(day, view)
        key = (day, view.today if view.adjusted else None)
        if key not in self._days:
            bars = self._drawn(day, view)
            while self._days and sum(map(len, self._days.values())) + len(bars) > _REMEMBERED_BARS:
                del self._days[next(iter(self._days))]
            self._days[key] = bars
        return self._days[key]

    def _drawn(self, day: date, view: View) -> list[Printed]:
        bars: list[Printed] = []
        for security in self.data.securities:
            ticker = security.ticker_on(day)
            if ticker is not None:
                bars += self._bars(security, ticker, day, day, view)
        return sorted(bars, key=lambda bar: bar.ticker)

    def latest(self, ticker: str, view: View, within: int = 400) -> Printed | None:
        """The newest published bar of `ticker` in the last `within` days."""
        bars = self.of_ticker(ticker, view.today - timedelta(days=within), view.today, view)
        return bars[-1] if bars else None

    def _spans(self, ticker: str) -> Iterator[tuple[Security, TickerSpan]]:
        for security in self.data.holders(ticker):
            for span in security.spans:
                if span.ticker == ticker:
                    yield security, span

    def _bars(self, security: Security, ticker: str, first: date, last: date, view: View) -> list[Printed]:
        series = self.data.series(security)
        low, high = series.ordinals.searchsorted([first.toordinal(), last.toordinal() + 1])
        days, columns = _slice(series, int(low), int(high))
        days, columns = self.corrections.apply(ticker, first, last, days, columns)
        if not len(days):
            return []
        if view.adjusted:
            columns = _adjusted(columns, self._factors(security, days, view.today))
        return [Printed(ticker, day, fields) for day, fields in _rows(days, columns)]

    def _factors(self, security: Security, days: Ordinals, today: date) -> Floats | None:
        """Adjustment factors of raw prices as of today; None: nothing to adjust."""
        factors = None
        for split in self.data.splits(security):
            if split.ex_date <= today and days[0] < split.ex_date.toordinal():
                factors = np.ones(len(days)) if factors is None else factors
                factors[days < split.ex_date.toordinal()] *= split.price_factor
        return factors


def _slice(series: DaySeries, low: int, high: int) -> tuple[Ordinals, Columns]:
    part = slice(low, high)
    columns = {
        "o": series.open[part],
        "h": series.high[part],
        "l": series.low[part],
        "c": series.close[part],
        "v": series.volume[part],
    }
    if series.vwap is not None:
        columns["vw"] = series.vwap[part]
    if series.transactions is not None:
        columns["n"] = series.transactions[part]
    if series.with_trades:
        columns["vw"] = np.round(sum((columns[name] for name in PRICES), np.zeros(1)) / len(PRICES), 4)
        columns["n"] = np.maximum(np.round(columns["v"] / _SHARES_A_TRADE), 1)
    return series.ordinals[part], columns


def _adjusted(columns: Columns, factors: Floats | None) -> Columns:
    if factors is None:
        return columns
    adjusted = {
        name: np.round(values * factors, _ADJUSTED_DECIMALS) if name in (*PRICES, "vw") else values
        for name, values in columns.items()
    }
    adjusted["v"] = np.round(columns["v"] / factors, 6)
    return adjusted


def _rows(days: Ordinals, columns: Columns) -> Iterator[tuple[date, dict[str, float | int | None]]]:
    names = tuple(columns)
    lists = [_values(name, column, days) for name, column in columns.items()]
    for ordinal, values in zip(days.tolist(), zip(*lists, strict=True), strict=True):
        yield date.fromordinal(ordinal), dict(zip(names, values, strict=True))


def _values(name: str, column: Floats, days: Ordinals) -> list[float | int | None]:
    """One column for the answer: None for null, whole numbers where the vendor writes them."""
    numbers: list[float] = column.tolist()
    values: list[float | int | None] = [*numbers]
    if name in ("v", "n"):
        values = [
            int(number) if number.is_integer() and (name == "n" or day % _FLOAT_VOLUMES) else number
            for number, day in zip(numbers, days.tolist(), strict=True)
        ]
    if isnan(sum(numbers)):
        for index in np.flatnonzero(np.isnan(column)).tolist():
            values[index] = None
    return values
