"""Reconciling with a market's file: the same content is final unread, another restates, one without rows is silent."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pytest

from tickstock_dagster.adapters.bars.file_reconcile import pending_with_file, reconcile_with_file
from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.bars.loader import BarLoader
from tickstock_dagster.adapters.bars.reconcile import ReconcileReport
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.securities.market_store import register_listings
from tickstock_dagster.adapters.sources.market_files import MarketFileSource
from tickstock_dagster.adapters.universes.market_lists import track_market
from tickstock_dagster.core.bars.reconcile import PendingReconcile, reconcile_at
from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.adapters.store_helpers import FRI, THU, WED, query

XTKS = library_calendar("XTKS")
EVENING = datetime(2026, 11, 19, 7, 0, tzinfo=UTC)
"""16:00 in Tokyo."""
MORNING = reconcile_at(XTKS, THU)
STATES = "SELECT ticker, close::float8, status FROM ohlcv_daily WHERE session = %s ORDER BY ticker"
ASKED = "SELECT count(*), max(attempts) FROM work_units WHERE kind <> 'session'"


class Market:
    """A store, and the file of a market that somebody replaces."""

    def __init__(self, url: str, path: Path) -> None:
        self.url, self.path, self.engine = url, path, open_engine(url)
        self.volume = 1000.0

    def holds(self, **closes: dict[date, float]) -> None:
        """From now on the file has these closes, by ticker and session."""
        rows: list[dict[str, Any]] = [
            {"symbol": name.lstrip("_"), "date": day, "open": price, "high": price, "low": price, "close": price}
            | {"volume": self.volume}
            for name, days in closes.items()
            for day, price in days.items()
        ]
        pl.DataFrame(rows).write_parquet(self.path)

    @property
    def source(self) -> MarketFileSource:
        return MarketFileSource(self.path, market_named("XTKS"))

    def loader(self, now: datetime) -> BarLoader:
        return BarLoader(LoadContext(self.source, self.engine, "XTKS", "run", lambda: now), XTKS)

    def load(self, *days: date, now: datetime = EVENING) -> None:
        spans = self.source.spans()
        tickers = tuple(spans["ticker"])
        register_listings(self.engine, market_named("XTKS"), spans, now=now)
        track_market(self.engine, "XTKS", tickers, track_from=days[0], reach=XTKS.next_session(days[-1]), now=now)
        self.loader(now).load(LoadRequest(tickers, days, universes=("listed_xtks",), ask_again=True))

    def pending(self, first: date = WED, last: date = THU) -> dict[date, PendingReconcile]:
        return pending_with_file(self.engine, XTKS, self.source, first, last)

    def reconcile(self, now: datetime = MORNING, session: date = THU) -> ReconcileReport:
        return reconcile_with_file(self.loader(now), session)

    def states(self, session: date = THU) -> list[tuple[Any, ...]]:
        return query(self.url, STATES, (session,))


@pytest.fixture
def market(migrated_database_url: str, tmp_path: Path) -> Market:
    """Two tickers on Thursday, loaded half an hour after Tokyo's close."""
    market = Market(migrated_database_url, tmp_path / "tokyo.parquet")
    market.holds(_7203={THU: 1000.0}, _6758={THU: 500.0})
    market.load(THU)
    assert market.states() == [("6758.XTKS", 500.0, "provisional"), ("7203.XTKS", 1000.0, "provisional")]
    return market


def test_the_same_content_says_the_same_and_is_not_read_again(market: Market) -> None:
    assert market.pending() == {THU: PendingReconcile(2, 0)}
    asked = query(market.url, ASKED)
    report = market.reconcile()
    assert (report.finalised, report.left, report.load.stored.restated) == (2, 0, 0)
    assert market.states() == [("6758.XTKS", 500.0, "final"), ("7203.XTKS", 1000.0, "final")]
    assert query(market.url, ASKED) == asked
    assert market.pending() == {}


def test_before_the_next_morning_nothing_becomes_final(market: Market) -> None:
    assert market.reconcile(EVENING).finalised == 0
    assert {row[2] for row in market.states()} == {"provisional"}


def test_another_content_makes_what_it_has_unchanged_final_and_restates_the_rest(market: Market) -> None:
    market.holds(_7203={THU: 1001.0, FRI: 7.0}, _6758={THU: 500.0, FRI: 7.0})
    assert market.pending() == {THU: PendingReconcile(2, 0, revised=1)}
    report = market.reconcile()
    assert (report.finalised, report.left, report.load.stored.restated) == (2, 0, 1)
    assert market.states() == [("6758.XTKS", 500.0, "final"), ("7203.XTKS", 1001.0, "final")]
    assert query(market.url, "SELECT old_close::float8 FROM bar_restatements") == [(1000.0,)]
    assert market.pending() == {}
    assert market.states(FRI) == [], "the session alone"


def test_a_file_that_is_corrected_later_restates_final_bars(market: Market) -> None:
    market.reconcile()
    market.holds(_7203={THU: 1002.0}, _6758={THU: 500.0})
    assert market.pending() == {THU: PendingReconcile(0, 0, revised=1)}
    assert market.reconcile().load.stored.restated == 1
    assert market.states() == [("6758.XTKS", 500.0, "final"), ("7203.XTKS", 1002.0, "final")]
    assert market.pending() == {}


def test_a_volume_is_compared_as_printed(market: Market) -> None:
    for volume, restated in ((999.6, 2), (999.6, 0), (999.7, 2)):
        market.volume = volume
        market.holds(_7203={THU: 1000.0}, _6758={THU: 500.0})
        assert market.reconcile().load.stored.restated == restated
    stored = query(market.url, "SELECT DISTINCT volume, volume_printed::float8 FROM ohlcv_daily")
    assert stored == [(1000, 999.7)]


def test_a_file_without_a_row_of_the_session_says_nothing_about_it(market: Market) -> None:
    market.holds(_7203={FRI: 1000.0}, _6758={FRI: 500.0})
    assert market.pending() == {}
    assert {row[2] for row in market.states()} == {"provisional"}


def test_a_bar_that_the_new_content_lacks_stays_as_it_is(market: Market) -> None:
    market.holds(_7203={THU: 1000.0})
    report = market.reconcile()
    assert (report.finalised, report.left) == (1, 1)
    assert market.states() == [("6758.XTKS", 500.0, "provisional"), ("7203.XTKS", 1000.0, "final")]


def test_bars_of_two_contents_become_final_by_a_third(market: Market) -> None:
    market.holds(_7203={THU: 1000.0}, _6758={THU: 500.0}, _9984={THU: 50.0})
    market.load(THU)
    assert [row[0] for row in market.states()] == ["6758.XTKS", "7203.XTKS", "9984.XTKS"]
    market.holds(_7203={WED: 1.0, THU: 1000.0}, _6758={THU: 500.0}, _9984={THU: 50.0})
    report = market.reconcile()
    assert (report.finalised, report.left, report.load.stored.restated) == (3, 0, 0)


def test_a_market_that_is_not_tracked_waits_for_nothing(market: Market) -> None:
    query(market.url, "UPDATE cache_entries SET track = false")
    assert market.pending() == {}


class Ends(Protocol):
    """Registers a series, and perhaps its declared end; answers (valid_to, expected_to, seen_to)."""

    def __call__(self, end: date | None, last: date = THU) -> list[tuple[Any, ...]]: ...


@pytest.fixture
def ends(migrated_database_url: str) -> Ends:
    """A series with bars from Wednesday on."""

    def register(end: date | None, last: date = THU) -> list[tuple[Any, ...]]:
        spans = pl.DataFrame({"ticker": ["7203.XTKS"], "first": [WED], "last": [last]})
        declared = {"7203.XTKS": end} if end else {}
        register_listings(open_engine(migrated_database_url), market_named("XTKS"), spans, now=EVENING, ends=declared)
        return query(migrated_database_url, "SELECT valid_to, expected_to, seen_to FROM ticker_intervals")

    return register


def test_a_declared_end_ends_expectation_and_a_later_bar_reopens_it(ends: Ends) -> None:
    assert ends(None) == [(None, None, THU)]
    assert ends(FRI) == [(FRI, FRI, THU)]
    assert ends(FRI) == ends(None) == [(FRI, FRI, THU)], "the same again, and a file that does not say so"
    assert ends(THU, last=WED) == [(FRI, FRI, THU)], "a file that knows less"
    assert ends(None, last=FRI) == [(None, None, FRI)]


def test_a_new_series_may_have_ended_already(ends: Ends) -> None:
    assert ends(FRI) == [(FRI, FRI, THU)]
