"""The planner: which vendor calls fill the missing cells, fewest first.

A range call fills one ticker over many sessions, a grouped call one session over all tickers. With missing cells as
the ones of a ticker × session matrix, the cheapest plan is the cheapest set of rows and columns that covers every
one. The planner sweeps over "the k tickers that miss most go by range, the sessions still missing go grouped" and
takes the cheapest k, the fewest rows deciding between equals, and the smallest k where those are equal, too; k = all
and k = none are the pure plans, so a plan never makes more calls than either. It is the least possible in nearly every
case that occurs; sparse gaps can cost a call more.

Longer than 250 lines because what a unit is and the search for the fewest of them are read together.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.ledger import Dataset
from tickstock_dagster.core.loading.vendor_plans import VendorPlan

MARKET_ROWS = 11_000
"""Rows of one grouped answer of the real market, for estimates."""

HISTORY_SLACK = timedelta(days=1)
"""How far inside a plan's history asking begins."""

VENDOR_ZONE = ZoneInfo("America/New_York")
"""The vendor counts a plan's history back from its own today."""


class UnitKind(StrEnum):
    """What a work unit asks for, or says was done. The values stand in `work_units.kind` and in every unit's id."""

    @property
    def usual_dataset(self) -> Dataset:
        """The dataset that units of this kind are about, unless they say otherwise, as those of minute bars do."""
        return _USUAL_DATASETS[self]

    RANGE = "range"
    """Bars of one ticker on many sessions."""
    GROUPED = "grouped"
    """Bars of all tickers on one session."""
    LISTINGS = "listings"
    """The ticker list of a day."""
    DELISTED = "delisted"
    """The list of the delisted."""
    DETAILS = "details"
    """Details of one ticker."""
    ETF_PROFILES = "etf_profiles"
    SPLITS = "splits"
    DIVIDENDS = "dividends"
    SESSION = "session"
    """A session was declared complete."""
    SYNC = "sync"
    """A session's universes were synchronised."""


_USUAL_DATASETS = {
    UnitKind.RANGE: Dataset.OHLCV_DAILY,
    UnitKind.GROUPED: Dataset.OHLCV_DAILY,
    UnitKind.LISTINGS: Dataset.LISTINGS,
    UnitKind.DELISTED: Dataset.LISTINGS,
    UnitKind.DETAILS: Dataset.SYMBOL_DETAILS,
    UnitKind.ETF_PROFILES: Dataset.ETF_PROFILES,
    UnitKind.SPLITS: Dataset.CORPORATE_ACTIONS,
    UnitKind.DIVIDENDS: Dataset.CORPORATE_ACTIONS,
    UnitKind.SESSION: Dataset.OHLCV_DAILY,
    UnitKind.SYNC: Dataset.MEMBERSHIPS,
}


@dataclass(frozen=True, slots=True)
class WorkUnit:
    """One call to a source, as a rule.

    Attributes:
        subject: a ticker, or * for all of them.
        first: first session.
        last: last session, inclusive.
        cells: how many it is to fill.
        dataset: what it is about; the usual one of its kind where none is given.
        unit_id: deterministic: the same request has the same id in every run. Migration 0025 computes the same in SQL.
    """

    kind: UnitKind
    market: str
    source: str
    subject: str
    first: date
    last: date
    cells: int = 0
    dataset: Dataset = None  # type: ignore[assignment]  # follows from the kind
    unit_id: str = field(init=False, repr=False, compare=False)  # asked for at every step of a load

    def __post_init__(self) -> None:
        if not self.dataset:
            object.__setattr__(self, "dataset", self.kind.usual_dataset)
        what = (self.dataset, self.kind, self.market, self.source, self.subject)
        text = "|".join((*what, str(self.first), str(self.last)))
        object.__setattr__(self, "unit_id", hashlib.sha256(text.encode()).hexdigest()[:32])

    def describe(self) -> str:
        """The request in words."""
        days = f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"
        return f"{self.kind} {self.subject} {days}" if self.subject != "*" else f"{self.kind} {days}"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What a load will ask for, before it asks.

    Attributes:
        units: in the order in which they are to be done.
        cells: missing cells they fill.
        out_of_history: missing cells that the plan's history does not reach (no call is made for them).
        rows: rows that the answers will hold, estimated.
        seconds: least time at the plan's rate, identity calls included; 0 without a rate.
        monthly_usd: list price of the plan; None where the source has none.
        identity_calls: further calls that prove whose the tickers were, before the bars are asked for.
        listing_calls: further calls before these, at most: for ticker lists, and about what changed between them.
    """

    units: tuple[WorkUnit, ...]
    cells: int
    out_of_history: pl.DataFrame
    rows: int
    seconds: float
    monthly_usd: int | None
    identity_calls: int = 0
    listing_calls: int = 0

    @property
    def calls(self) -> int:
        """Vendor calls for bars."""
        return len(self.units)


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What the planner must know of a source."""

    source: str
    range_bars: bool
    grouped_bars: bool
    max_range_rows: int
    plan: VendorPlan | None


def earliest_session(plan: VendorPlan | None, now: datetime) -> date:
    """The first date to ask for under a plan: its history in calendar years back from `now` (aware), and some slack.

    Whoever asks for the very edge is refused as a whole once midnight in New York has passed, or where the vendor's
    clock is ahead.
    """
    if plan is None:
        return date.min
    today = now.astimezone(VENDOR_ZONE).date()
    try:
        edge = today.replace(year=today.year - plan.history_years)
    except ValueError:  # 29 February
        edge = today.replace(year=today.year - plan.history_years, day=28)
    return edge + HISTORY_SLACK


def plan_load(
    missing: pl.DataFrame, sessions: Sequence[date], market: str, limits: SourceLimits, *, now: datetime
) -> LoadPlan:
    """The cheapest set of calls for the missing cells.

    Args:
        missing: `core.loading.coverage.CELL_SCHEMA`.
        sessions: all sessions of the calendar between the first and the last missing one, ascending.
        market: MIC of the calendar.
        limits: the source's.
        now: aware; decides what the plan's history reaches.
    """
    reach = earliest_session(limits.plan, now)
    out_of_history = missing.filter(pl.col("session") < reach)
    cells = missing.filter(pl.col("session") >= reach)
    if cells.is_empty():
        units: tuple[WorkUnit, ...] = ()
    else:
        units = _cheapest(cells, sessions, market, limits)
    position = {session: number for number, session in enumerate(sessions)}
    plan = limits.plan
    return LoadPlan(
        units=units,
        cells=cells.height,
        out_of_history=out_of_history,
        rows=sum(_rows(unit, position) for unit in units),
        # The first window's calls leave at once, the next when it has passed.
        seconds=least_seconds(len(units), plan),
        monthly_usd=plan.monthly_usd if plan else None,
    )


def _rows(unit: WorkUnit, position: Mapping[date, int]) -> int:
    """Rows that the answer will hold, estimated."""
    return position[unit.last] - position[unit.first] + 1 if unit.kind is UnitKind.RANGE else MARKET_ROWS


def _cheapest(cells: pl.DataFrame, sessions: Sequence[date], market: str, limits: SourceLimits) -> tuple[WorkUnit, ...]:
    if not limits.grouped_bars:
        if not limits.range_bars:
            raise BadInputError("source", limits.source, "a source that offers range or grouped bars")
        ranges = _range_units(cells, sessions, market, limits)
        return tuple(unit for units in ranges.values() for unit in units)
    per_session = dict(cells.group_by("session").len().sort("session").iter_rows())
    if not limits.range_bars:
        return _grouped_units(per_session, market, limits)
    days = pl.Series(list(per_session), dtype=pl.Date)
    by_ticker = (
        cells.select("ticker", place=days.search_sorted(cells["session"]))
        .group_by("ticker")
        .agg("place", pl.len().alias("count"))
        .sort("count", "ticker", descending=[True, False])
    )
    best, best_cost = 0, (len(per_session), MARKET_ROWS * len(per_session))
    spent = spent_rows = 0
    left = np.array(list(per_session.values()), dtype=np.int64)
    # Each range is a call or more: once there are as many as sessions, no further one can be worth it.
    by_ticker = by_ticker.head(len(per_session) + 1)
    order = by_ticker["ticker"].to_list()
    ranges = _range_units(cells.filter(pl.col("ticker").is_in(order)), sessions, market, limits)
    number_of = {session: number for number, session in enumerate(sessions)}
    for position, (ticker, places) in enumerate(zip(order, by_ticker["place"], strict=True), start=1):
        spent += len(ranges[ticker])
        spent_rows += sum(_rows(unit, number_of) for unit in ranges[ticker])
        if spent > best_cost[0]:
            break
        np.subtract.at(left, places.to_numpy(), 1)
        grouped = int(np.count_nonzero(left))
        cost = (spent + grouped, spent_rows + MARKET_ROWS * grouped)
        if cost < best_cost:
            best, best_cost = position, cost
    by_range = set(order[:best])
    units = tuple(unit for ticker in order[:best] for unit in ranges[ticker])
    rest = cells.filter(~pl.col("ticker").is_in(list(by_range))).group_by("session").len().sort("session")
    return units + _grouped_units(dict(rest.iter_rows()), market, limits)


def _range_units(
    cells: pl.DataFrame, sessions: Sequence[date], market: str, limits: SourceLimits
) -> dict[str, tuple[WorkUnit, ...]]:
    """Per ticker, the calls from its first to its last missing session, no longer than one answer may be."""
    if len(sessions) <= limits.max_range_rows:
        session = pl.col("session")
        ends = cells.group_by("ticker").agg(session.min().alias("first"), session.max().alias("last"), pl.len())
        return {
            ticker: (WorkUnit(UnitKind.RANGE, market, limits.source, ticker, first, last, count),)
            for ticker, first, last, count in ends.sort("ticker").iter_rows()
        }
    position = {session: number for number, session in enumerate(sessions)}
    result = {}
    grouped = cells.group_by("ticker").agg(pl.col("session").sort()).sort("ticker")
    for ticker, missing in zip(grouped["ticker"], grouped["session"], strict=True):
        units = []
        begin = 0
        while begin < len(missing):
            first = missing[begin]
            reach = position[first] + limits.max_range_rows
            end = int(missing.search_sorted(sessions[reach])) if reach < len(sessions) else len(missing)
            last = missing[end - 1]
            units.append(WorkUnit(UnitKind.RANGE, market, limits.source, ticker, first, last, end - begin))
            begin = end
        result[ticker] = tuple(units)
    return result


def _grouped_units(per_session: dict[date, int], market: str, limits: SourceLimits) -> tuple[WorkUnit, ...]:
    """One call per session, the newest first: what people wait for is the end of the history."""
    return tuple(
        WorkUnit(UnitKind.GROUPED, market, limits.source, "*", session, session, count)
        for session, count in sorted(per_session.items(), reverse=True)
    )


def least_seconds(calls: int, plan: VendorPlan | None) -> float:
    """The time that so many calls take at least at a plan's rate; 0 without a rate."""
    if not plan or not calls:
        return 0.0
    together = min(plan.at_once, plan.calls)
    return (calls - 1) // together * (together * plan.per_seconds / plan.calls)
