"""Keeping ticker histories complete: which dated lists a load needs, fetching them, and storing what they say.

A load needs to know which security held each ticker on its first and its last session. Each list is fetched once; a
security whose history over the range is known needs none.

Longer than 250 lines because what a list says is only complete with what the vendor is asked about its changes.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from typing import TypeVar

import polars as pl
import psycopg

from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import FinishedUnit
from tickstock_dagster.adapters.securities.days_of_change import day_of_change, rows_of
from tickstock_dagster.adapters.securities.listing_forecast import SINGLE_QUESTIONS, assumed_days, assumed_delistings
from tickstock_dagster.adapters.securities.listing_store import (
    histories_held,
    lists_observed,
    read_securities,
    write_securities,
)
from tickstock_dagster.adapters.securities.symbol_store import fold_symbols
from tickstock_dagster.adapters.sources.protocol import (
    LISTING_SCHEMA,
    MalformedAnswerError,
    OutOfHistoryError,
    ReferenceSource,
    VendorError,
)
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.securities.listing_records import WITHOUT_FIGI
from tickstock_dagster.core.securities.symbol_versions import VersionChanges
from tickstock_dagster.core.securities.ticker_histories import (
    Boundary,
    Listed,
    Security,
    SuspiciousListError,
    close_delisted,
    observe_list,
)
from tickstock_dagster.core.securities.tickers import is_us_ticker

logger = logging.getLogger(__name__)

LISTS_AHEAD = 4
"""Lists that are asked for at a time where many are needed."""

STORED_EVERY = 5.0
"""Seconds: a kill loses the lists of so long a time at most. On a slow plan each is stored by itself."""

Fetched = TypeVar("Fetched")

UP_TO_DATE = timedelta(days=7)
"""A list up to this old says which security holds a ticker today: loading old sessions costs no call every day."""


@dataclass(frozen=True, slots=True)
class ListingSync:
    """Fetches dated lists of one source and stores what they say.

    Where the context has a forecast, lists alone are fetched (`adapters.securities.listing_forecast`).
    """

    context: LoadContext[ReferenceSource]

    def ensure(self, tickers: Sequence[str], first: date, last: date, latest: date) -> list[date]:
        """Fetch the lists that identify `tickers` on every session from `first` to `last`.

        Args:
            tickers: as printed today; or on `last`, where no security holds it today.
            first: first session of the load.
            last: last session of the load.
            latest: the latest closed session, whose list knows today's tickers.

        Returns:
            The dates of the fetched lists; empty where none was needed.
        """
        # The latest first: a ticker stands for its holder of today, not for that of the load's last session.
        before = (first, _Look.is_unseen_before)
        questions = ((latest, _Look.is_out_of_date), before, (last, _Look.is_unsure), before)

        def look() -> _Look:
            return _Look(self.context, tickers)

        def is_needed(stored: _Look, on: date, needed: Callable[[_Look, date], bool]) -> bool:
            return on not in stored.asked and needed(stored, on)

        stored = look()
        if not any(is_needed(stored, *question) for question in questions):
            return []
        fetched: list[date] = []
        with histories_held(self.context.engine):  # another process may have fetched them meanwhile
            stored = look()
            for question in questions:
                if is_needed(stored, *question):
                    self.take_in(question[0])
                    fetched.append(question[0])
                    stored = look()
        return fetched

    def reach(self, first: date, latest: date) -> list[date]:
        """Fetch the lists that identify every ticker of the market from `first` to `latest`.

        The list of `latest`, unless a recent one is stored; and that of `first`, where it lies before every stored one.

        Returns:
            The dates of the fetched lists.
        """
        with histories_held(self.context.engine):
            known = self._observed(empty=True)
            newest, oldest = max(known, default=date.min), min(known, default=latest)
            needed = [latest] if latest - newest > UP_TO_DATE else []
            needed += [first] if first < oldest and first != latest else []
            for on in needed:
                self.take_in(on)
        return needed

    def observe(self, on: date) -> VersionChanges:
        """Fetch the list of one date and store it in one transaction: histories, and the list as of that day.

        Raises:
            MalformedAnswerError: the list lacks more securities than can have left the market.
        """
        with histories_held(self.context.engine):
            return self.take_in(on)

    def take_in(self, *days: date) -> VersionChanges:
        """The same as `observe` for a caller that holds the histories, for one list after the other.

        Lists that arrive within `STORED_EVERY` are stored together, in one transaction; the next ones are fetched
        meanwhile.

        Returns:
            What the last of the lists changes.

        Raises:
            VendorError: of the first list that failed; those before it are stored.
        """
        versions, intake = VersionChanges(), self._begin()
        for on, fetched in _ahead(self._fetched, days):
            try:
                self._observe(intake, on, *fetched())
            except VendorError:
                self._write(intake)
                raise
            if on == days[-1] or time.monotonic() - intake.begun >= STORED_EVERY:
                versions, intake = self._write(intake), self._begin()
        return versions

    def _begin(self) -> "_Intake":
        known = read_securities(self.context.engine, self.context.market)
        return _Intake(known, self._observed(), self.context.calls)

    def _fetched(self, on: date) -> tuple[datetime, pl.DataFrame]:
        """When the list of a date was asked for, and its rows."""
        return self.context.now(), self._list_of(on)

    def _observe(self, intake: "_Intake", on: date, started: datetime, rows: pl.DataFrame) -> None:
        """Add what a list says to the known histories."""
        # The source raises where an empty list cannot be right. Else its day lies before all that the source knows, and
        # it is no evidence that a security was not listed.
        unit = WorkUnit(UnitKind.LISTINGS, self.context.market, self.context.source.name, "*", on, on)
        listed, forecast = rows_of(rows), self.context.forecast
        if listed:
            known, others = _comparable(intake.known, listed)
            resolve = assumed_days(forecast, known, listed) if forecast else self._resolve
            try:
                changes = observe_list(known, listed, on, resolve, lists=intake.lists)
            except SuspiciousListError as error:
                raise MalformedAnswerError(f"{self.context.source.name}: {error}") from None
            ended = [security for security in changes.changed if _ended_unexplained(security)]
            gone = {security.identity: security for security in (*ended, *changes.vanished)}
            closed = self._confirm_delisted(list(gone.values()), on)
            written = {security.identity for security in changes.changed} | closed.keys()
            intake.known = others + [
                _as_stored(closed.get(security.identity, security)) if security.identity in written else security
                for security in changes.known
            ]
            intake.readings.append((on, listed))
            intake.lists.append(on)
        intake.units.append(FinishedUnit(unit, rows.height, started))

    def _write(self, intake: "_Intake") -> VersionChanges:
        """Store what the lists have changed, in one transaction."""
        versions, forecast = VersionChanges(), self.context.forecast

        def fold(cursor: psycopg.Cursor) -> None:
            nonlocal versions
            versions = fold_symbols(cursor, intake.readings, intake.stored_lists, now=self.context.now())

        if intake.units:
            write_securities(self.context, intake.changed, intake.units, also=fold if intake.readings else None)
        if forecast:
            forecast.made += self.context.calls - intake.calls_before
        return versions

    def _list_of(self, on: date) -> pl.DataFrame:
        """The list of one date; empty where the key's history does not reach it, and a later list is stored."""
        try:
            return self.context.source.listings(on=on)
        except OutOfHistoryError as error:
            if on >= min(self._observed(), default=date.min):
                raise
            logger.warning("%s; securities are known from later lists alone", error)
            return pl.DataFrame(schema=LISTING_SCHEMA)

    def _observed(self, *, empty: bool = False) -> list[date]:
        """Dates of the source's stored lists."""
        return lists_observed(self.context.engine, self.context.market, self.context.source.name, empty=empty)

    def _resolve(self, boundary: Boundary) -> date | None:
        return day_of_change(self.context.source, boundary)

    def _confirm_delisted(self, gone: Sequence[Security], on: date) -> dict[str, Security]:
        """Close the histories of securities in the vendor's list of delisted ones; the others stay as they are.

        Args:
            gone: securities that are in a list and not in a later one.
            on: date of the list being stored.
        """
        # A former release stored texts that are no tickers; no vendor can be asked about them.
        gone = [security for security in gone if is_us_ticker(security.intervals[-1].ticker)]
        if not gone:
            return {}
        tickers = [security.intervals[-1].ticker for security in gone]
        if self.context.forecast is not None:
            return assumed_delistings(self.context.forecast, gone, on)
        rows = self.context.source.listings(active=False, tickers=tickers if len(tickers) <= SINGLE_QUESTIONS else None)
        dates = {
            Listed(row["ticker"], row["composite_figi"]).identity: row["delisted_on"]
            for row in rows.iter_rows(named=True)
            if row["delisted_on"] is not None
        }
        return {
            security.identity: close_delisted(security, dates[security.identity])
            for security in gone
            if security.identity in dates and dates[security.identity] <= (security.intervals[-1].valid_to or on)
        }


@dataclass
class _Look:
    """What is stored of some tickers at one moment, each part read when it is first asked for."""

    context: LoadContext[ReferenceSource]
    tickers: Sequence[str]

    @cached_property
    def asked(self) -> list[date]:
        """Dates of the source's lists, the empty ones included."""
        return lists_observed(self.context.engine, self.context.market, self.context.source.name, empty=True)

    @cached_property
    def newest(self) -> dict[str, Security]:
        """The newest holder of each ticker."""
        return newest_holders(read_securities(self.context.engine, self.context.market), self.tickers)

    def is_out_of_date(self, on: date) -> bool:
        """Whether no stored list says which securities hold the tickers today."""
        lists = lists_observed(self.context.engine, self.context.market, self.context.source.name)
        newest = max(lists, default=date.min)
        return on - newest > UP_TO_DATE or len(self.newest) < len(set(self.tickers))

    def is_unsure(self, on: date) -> bool:
        """Whether some ticker has no holder, was last seen before `on`, or may not have been listed then."""
        return len(self.newest) < len(set(self.tickers)) or any(
            (security.intervals[-1].seen_to < on and security.intervals[-1].valid_to is None)
            or (
                security.intervals[0].start_known in ("unknown", "absent_before")
                and security.intervals[0].valid_from <= on < security.intervals[0].seen_from
            )
            for security in self.newest.values()
        )

    def is_unseen_before(self, on: date) -> bool:
        """Whether the load reaches back to an unknown part of some ticker's history, before it was first seen."""
        return any(
            security.intervals[0].start_known == "unknown" and security.intervals[0].seen_from > on
            for security in self.newest.values()
        )


def newest_holders(known: Iterable[Security], tickers: Sequence[str]) -> dict[str, Security]:
    """The security that holds each ticker, or held it last; without tickers that nobody ever held."""
    wanted = set(tickers)
    holders: dict[str, tuple[date, Security]] = {}
    for security in known:
        for interval in security.intervals:
            held = holders.get(interval.ticker)
            if interval.ticker in wanted and (held is None or held[0] < interval.valid_from):
                holders[interval.ticker] = (interval.valid_from, security)
    return {ticker: security for ticker, (_, security) in holders.items()}


@dataclass(slots=True)
class _Intake:
    """Lists that are stored together, and every security of the market as they show it."""

    known: list[Security]
    lists: list[date]
    calls_before: int
    readings: list[tuple[date, Sequence[Listed]]] = field(default_factory=list)
    units: list[FinishedUnit] = field(default_factory=list)
    begun: float = field(default_factory=time.monotonic)
    stored: dict[int | None, Security] = field(init=False)
    stored_lists: list[date] = field(init=False)

    def __post_init__(self) -> None:
        self.stored = {security.security_id: security for security in self.known}
        self.stored_lists = list(self.lists)

    @property
    def changed(self) -> list[Security]:
        """The securities that are not as they are stored, complete."""
        return [security for security in self.known if security != self.stored.get(security.security_id)]


def _as_stored(security: Security) -> Security:
    """A changed security as it is read after it was written."""
    identity = security.identity
    if identity.startswith(WITHOUT_FIGI):
        identity = f"{WITHOUT_FIGI}{security.intervals[-1].ticker}"
    return replace(security, identity=identity, on_lists=True)


def _ahead(fetch: Callable[[date], Fetched], days: Sequence[date]) -> Iterator[tuple[date, Callable[[], Fetched]]]:
    """Each date with what returns its answer, or raises its error; the next few are asked for meanwhile."""
    if len(days) == 1:
        yield days[0], partial(fetch, days[0])
        return
    waiting: deque[tuple[date, Future[Fetched]]] = deque()
    left = deque(days)
    with ThreadPoolExecutor(LISTS_AHEAD, thread_name_prefix="lists") as pool:
        try:
            while left or waiting:
                while left and len(waiting) < LISTS_AHEAD:
                    on = left.popleft()
                    waiting.append((on, pool.submit(fetch, on)))
                on, answer = waiting.popleft()
                yield on, answer.result
        finally:
            for _, answer in waiting:
                answer.cancel()


def _comparable(known: Iterable[Security], listed: Sequence[Listed]) -> tuple[list[Security], list[Security]]:
    """The securities that a list says something about, and the others.

    It does of those that a list has shown before, or this one shows. What only files of bars have shown, no list is
    expected to contain: its absence proves nothing.
    """
    shown = {row.ticker for row in listed}
    told: tuple[list[Security], list[Security]] = [], []
    for security in known:
        spoken_of = security.on_lists or any(interval.ticker in shown for interval in security.intervals)
        told[not spoken_of].append(security)
    return told


def _ended_unexplained(security: Security) -> bool:
    """Whether only the security's absence from a list bounds its history, which may have ended on any day before."""
    return security.delisted_on is None and security.intervals[-1].valid_to is not None
