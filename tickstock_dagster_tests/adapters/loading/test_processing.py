"""A change of equity_types is obeyed by the very next load: what is expected, what comes first, when it asks again."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import polars as pl
import pytest

from tickstock_dagster.adapters.bars.load_values import LoadReport, LoadRequest
from tickstock_dagster.adapters.loading import processing
from tickstock_dagster.adapters.loading.expectation import Expectation, universe_tickers_between
from tickstock_dagster.adapters.loading.tracked import next_retry, tracked_state
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.securities.equity_type_store import update_equity_types
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.universes.profiles import STOCKS
from tickstock_dagster_tests.adapters.load_helpers import FRIDAY_EVENING, QUICK, World, plan_without_rate
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, add_security, query

TICKERS = ("AAPL", "SPY", "XOM")
MANY = STOCKS[:25]
"""So many that one that is absent does not make the answer suspicious."""

SETTLED = datetime(2026, 11, 21, 16, tzinfo=UTC)
"""19 hours after Friday's close: the vendor's corrections are in."""


def minutes(count: float) -> datetime:
    return FRIDAY_EVENING + timedelta(minutes=count)


class Evening:
    """Friday evening: three symbols are tracked; their types can be changed between two runs."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.now = FRIDAY_EVENING
        self.track(*TICKERS)

    def track(self, *tickers: str) -> None:
        write_universe(self.world.engine, "tests", "list", "tests", tickers, track_from=MON, now=self.world.now)

    def run(self, at: datetime = FRIDAY_EVENING) -> LoadReport:
        """What the end of the day does at a moment."""
        self.world.now = at
        self.world.simulator.set_now(at)
        tickers = universe_tickers_between(self.world.engine, None, FRI, FRI)
        return self.world.loader().load(LoadRequest(tickers, (FRI,), universes=()))

    def change(self, **types: dict[str, Any]) -> None:
        """Somebody changes the table."""
        assert update_equity_types(self.world.engine, types, now=self.world.now) == tuple(types)

    def retry(self) -> datetime | None:
        return next_retry(self.world.engine, FRI)


@pytest.fixture
def evening(world: World) -> Evening:
    return Evening(world)


def test_a_type_that_is_not_processed_is_not_expected_from_the_next_run_on(evening: Evening) -> None:
    [state] = evening.run().states
    assert (state.expected, state.stored) == (3, 3)
    evening.world.query("DELETE FROM ohlcv_daily")
    evening.change(ETF={"update_frequency": "none"})
    assert universe_tickers_between(evening.world.engine, None, FRI, FRI) == ("AAPL", "XOM")
    found = tracked_state(evening.world.engine, FRI)
    assert found is not None
    assert (found.expected, found.missing) == (2, 2)
    report = evening.run(minutes(15))
    assert ([state.expected for state in report.states], report.unknown) == ([2], ())
    evening.change(ETF={"update_frequency": "eod"})
    [state] = evening.run(minutes(30)).states
    assert (state.expected, state.missing) == (3, 0)


def test_an_unknown_type_is_processed_as_other(evening: Evening) -> None:
    evening.run()
    evening.world.query("UPDATE securities SET equity_type = 'NEWCODE' WHERE equity_type = 'ETF'")
    evening.world.query("UPDATE securities SET equity_type = NULL WHERE security_id = (SELECT min(security_id) FROM "
                        "ticker_intervals WHERE ticker = 'XOM')")  # fmt: skip
    assert len(Expectation.of_universes(evening.world.engine, None, FRI, FRI).security_ids) == 3
    evening.change(OTHER={"update_frequency": "none"})
    assert universe_tickers_between(evening.world.engine, None, FRI, FRI) == ("AAPL",)


def test_whoever_names_a_ticker_gets_it_whatever_its_type(evening: Evening) -> None:
    evening.run()
    evening.world.query("DELETE FROM ohlcv_daily")
    evening.change(ETF={"update_frequency": "none"})
    assert evening.world.load("SPY", FRI, FRI).stored.inserted >= 1


def test_an_absent_bar_is_asked_for_again_as_its_type_says_and_then_when_the_session_has_settled(
    evening: Evening,
) -> None:
    evening.track(*MANY)
    evening.world.simulator.remove_bar("AAPL", FRI)
    asked = minutes(1)
    waits = []
    for _ in range(4):
        evening.run(asked)
        retry_at = evening.retry()
        assert retry_at is not None
        waits.append(retry_at - asked)
        asked = retry_at
    assert waits[:3] == [timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=60)]
    assert asked == SETTLED
    assert evening.world.query("SELECT ticker, reason, answers FROM bar_gaps") == [("AAPL", "vendor_late", 4)]


def test_changed_retry_terms_count_from_the_next_answer_on(evening: Evening) -> None:
    evening.track(*MANY)
    evening.world.simulator.remove_bar("AAPL", FRI)
    evening.run(minutes(1))
    assert evening.retry() == minutes(16)
    evening.change(CS={"retry_config": {"max_retries": 1}})
    evening.run(minutes(16))
    assert evening.retry() == SETTLED
    evening.change(CS={"retry_config": {"max_retries": 5, "backoff_multiplier": 3}})
    evening.run(SETTLED - timedelta(hours=5))
    assert evening.retry() == SETTLED, "it is not due, and was not asked for"
    evening.world.query("UPDATE bar_gaps SET retry_at = %s", (minutes(30),))
    evening.run(minutes(30))
    assert evening.retry() == minutes(30 + 15 * 9), "two answers lacked it before"


def test_what_is_followed_in_real_time_is_asked_for_first_and_later_as_its_type_says(evening: Evening) -> None:
    evening.run()
    evening.world.query("DELETE FROM ohlcv_daily")
    evening.change(CS={"update_frequency": "eod", "priority": "low"}, ETF={"priority": "normal"})
    evening.world.simulator.remove_bar("SPY", FRI)
    first = evening.world.load("AAPL SPY XOM", MON, FRI)
    assert [unit.subject for unit in first.plan.units] == ["SPY", "AAPL", "XOM"]
    noted = "SELECT subject, priority FROM work_units WHERE kind = 'range' AND last_session = %s ORDER BY subject"
    assert evening.world.query(noted, (FRI,)) == [("AAPL", 1), ("SPY", 10), ("XOM", 1)]
    again = evening.world.load("AAPL SPY XOM", MON, FRI, ask_again=True)
    assert [(unit.subject, unit.first) for unit in again.plan.units] == [("SPY", FRI)]
    text = "SELECT priority FROM work_units WHERE subject = 'SPY' AND first_session = %s AND kind = 'range'"
    assert evening.world.query(text, (FRI,)) == [(2,)]


class Meddled(MassiveSource):
    """A vendor during whose first answer somebody changes the rules."""

    asked: ClassVar[list[str]] = []
    meddle: ClassVar[Callable[[], object]] = staticmethod(lambda: None)

    def range_bars(self, ticker: str, first: date, last: date) -> pl.DataFrame:
        self.asked.append(ticker)
        if len(self.asked) == 1:
            type(self).meddle()
        return super().range_bars(ticker, first, last)


def test_a_load_under_way_asks_next_for_what_a_change_made_urgent(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "WATCHED_EVERY", 0.0)
    world = evening.world
    world.load("SPY", FRI, FRI)  # so that the types are known
    evening.change(
        CS={"update_frequency": "eod", "priority": "high"}, ETF={"update_frequency": "eod", "priority": "low"}
    )
    monkeypatch.setattr(Meddled, "asked", [])
    monkeypatch.setattr(
        Meddled, "meddle", staticmethod(lambda: evening.change(CS={"priority": "low"}, ETF={"priority": "critical"}))
    )
    plan = plan_without_rate()
    source = Meddled(
        world.simulator.key, world.simulator.url, plan, LocalRateLimiter(plan), name="simulator", policy=QUICK
    )
    tickers = (*MANY[:12], "QQQ", "SPY")
    world.load(tickers, date(2026, 9, 1), FRI, source=source, workers=1)
    places = [Meddled.asked.index(ticker) for ticker in ("QQQ", "SPY")]
    assert sorted(Meddled.asked) == sorted(tickers)
    assert max(places) <= 3, Meddled.asked  # one was asked for already, and one may be waiting for its turn
    kept = "SELECT DISTINCT priority FROM work_units WHERE kind = 'range' AND subject = ANY (%s) AND last_session = %s"
    assert world.query(kept, (["QQQ", "SPY"], FRI)) == [(10,)]


@pytest.mark.parametrize("unprocessed", ["CS", "OTHER", "ETF"])
def test_what_is_expected_is_what_the_view_of_types_says(migrated_database_url: str, unprocessed: str) -> None:
    """Of a type that is known, one that is not, and none; and of a ticker without a holder."""
    engine = open_engine(migrated_database_url)
    for ticker, of_type in (("AAA", "CS"), ("BBB", "NEVER_SEEN"), ("CCC", None)):
        security_id = add_security(migrated_database_url, ticker)
        query(
            migrated_database_url,
            "UPDATE securities SET equity_type = %s WHERE security_id = %s",
            (of_type, security_id),
        )
    write_universe(engine, "kinds", "list", "kinds", ("AAA", "BBB", "CCC", "DDD"), track_from=MON, now=FRIDAY_EVENING)
    update_equity_types(engine, {unprocessed: {"update_frequency": "none"}}, now=FRIDAY_EVENING)
    said = query(
        migrated_database_url,
        "SELECT security_id FROM securities_processing WHERE update_frequency <> 'none' ORDER BY security_id",
    )
    tracked = Expectation.of_tracked(engine, FRI, FRI)
    assert [(security_id,) for security_id in tracked.security_ids] == said
    tickers = universe_tickers_between(engine, None, FRI, FRI)
    assert tickers == (*tracked.intervals["ticker"].sort(), "DDD")
