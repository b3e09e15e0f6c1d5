"""Loading against the simulator: what is asked, what is stored, what is explained, and never twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tickstock_dagster.adapters.bars.answer_validation import AnswerValidator
from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import AuthFailedError, NotEntitledError
from tickstock_dagster.core.errors import BadInputError, ServiceUnavailableError
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import (
    BARS,
    CALENDAR,
    FRIDAY_EVENING,
    GAPS,
    SATURDAY,
    World,
    quick_source,
)

pytestmark = pytest.mark.usefixtures("few_listed")

MON, TUE, WED, THU, FRI = (date(2026, 11, day) for day in (16, 17, 18, 19, 20))
OCT, NOV = date(2026, 10, 1), date(2026, 11, 1)
BIG = "AAPL MSFT NVDA AMZN GOOGL JPM XOM UNH TSLA AVGO LLY V MA HD PG COST JNJ WMT ABBV BAC MRK CVX KO PEP ADBE"


def sessions(first: date, last: date = FRI) -> list[date]:
    return list(CALENDAR.sessions(first, last))


def asked(world: World, path: str = "/v2/aggs/") -> list[str]:
    """Paths of the vendor calls for bars since the counts were reset."""
    return sorted(call["path"] for call in world.simulator.stats(calls=True)["calls"] if path in call["path"])


# -- the ordinary load ------------------------------------------------------------------------------------------------


def test_a_fresh_load_stores_every_bar_and_a_second_one_asks_nothing(world: World) -> None:
    report = world.load("AAPL MSFT NVDA", NOV, FRI)
    days = sessions(NOV)
    assert (report.plan.calls, report.stored.inserted, report.failures) == (3, 3 * len(days), ())
    assert [state.session for state in report.states] == days
    assert all((state.expected, state.stored, state.missing) == (3, 3, 0) for state in report.states)
    assert world.sessions_of("NVDA") == days
    before = world.tables()
    world.simulator.reset_stats()
    again = world.load("AAPL MSFT NVDA", NOV, FRI)
    assert (again.plan.calls, again.calls, again.stored.inserted) == (0, 0, 0)
    assert again.states == report.states
    assert world.simulator.stats()["total"] == 0
    assert world.tables() == before


@pytest.mark.parametrize("broken", ["store_batch", "AnswerValidator.validate"])
def test_progress_tells_of_what_is_stored_when_a_batch_fails(
    world: World, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr("tickstock_dagster.adapters.sources.fetcher.FLUSH_ROWS", 10)
    module = "tickstock_dagster.adapters.bars.filling"
    work, calls = (
        {"store_batch": store_batch, "AnswerValidator.validate": AnswerValidator.validate}[broken],
        iter(range(99)),
    )

    def fails(*given: object) -> object:
        if next(calls) == 3:
            raise ServiceUnavailableError("the third batch but one")
        return work(*given)  # type: ignore[operator]

    monkeypatch.setattr(f"{module}.{broken}", fails)
    with pytest.raises(ServiceUnavailableError, match="the third batch but one"):
        world.load(BIG, NOV, FRI)
    told = "SELECT max((event -> 'data' -> 'done')::int) FROM outbox WHERE channel = 'tickstock.jobs.progress'"
    ended = "SELECT count(*)::int FROM work_units WHERE dataset = 'ohlcv_daily' AND status = 'done'"
    assert world.query(told) == world.query(ended)
    assert world.query("SELECT count(*) FROM work_units WHERE status = 'leased'") == [(0,)]
    monkeypatch.undo()
    assert world.load(BIG, NOV, FRI).failures == ()


def test_progress_is_told_in_symbols_under_a_name_that_outlives_the_run(world: World) -> None:
    told = (
        "SELECT event -> 'data' ->> 'run_id', event -> 'data' ->> 'unit', (event -> 'data' -> 'done')::int, "
        "(event -> 'data' -> 'total')::int, event -> 'data' ->> 'symbol' FROM outbox "
        "WHERE channel = 'tickstock.jobs.progress' ORDER BY position"
    )
    world.load("AAPL MSFT", NOV, FRI)
    first = world.query(told)
    assert first[-1][:4] == ("run-1", "symbols", 2, 2)
    assert first[-1][4] in ("AAPL", "MSFT")
    world.query("DELETE FROM ohlcv_daily WHERE ticker = 'MSFT'")  # as if it had been killed before
    world.query("DELETE FROM work_units WHERE kind = 'range'")
    world.load("AAPL MSFT", NOV, FRI, run_id="run-2")
    assert world.query(told)[len(first) :] == [("run-2", "symbols", 1, 1, "MSFT")]
    assert len(world.query("SELECT DISTINCT subject FROM outbox WHERE channel = 'tickstock.jobs.progress'")) == 1


def test_the_report_and_the_ledger_count_the_same_calls_as_the_vendor(world: World) -> None:
    report = world.load("AAPL MSFT NVDA", NOV, FRI)
    assert report.calls == world.simulator.stats()["total"] == world.query("SELECT count(*) FROM vendor_calls")[0][0]
    assert world.query("SELECT DISTINCT source, run_id, outcome FROM vendor_calls") == [("simulator", "run-1", "ok")]


def test_only_what_is_missing_is_asked_for(world: World) -> None:
    world.load("AAPL MSFT", MON, WED)
    world.simulator.reset_stats()
    report = world.load("AAPL MSFT NVDA", MON, FRI)
    assert asked(world) == [
        "/v2/aggs/ticker/AAPL/range/1/day/2026-11-19/2026-11-20",
        "/v2/aggs/ticker/MSFT/range/1/day/2026-11-19/2026-11-20",
        "/v2/aggs/ticker/NVDA/range/1/day/2026-11-16/2026-11-20",
    ]
    assert (report.stored.inserted, report.stored.unchanged) == (9, 0)


@pytest.mark.whole_market
def test_many_symbols_of_few_sessions_are_asked_for_session_by_session(world: World) -> None:
    report = world.load(BIG, THU, FRI)
    assert [(unit.kind, unit.first) for unit in report.plan.units] == [("grouped", FRI), ("grouped", THU)]
    assert all(state.missing == 0 for state in report.states)
    listed = world.query("SELECT count(*) FROM ohlcv_daily WHERE session = %s", (FRI,))[0][0]
    assert listed > 140, "a grouped answer stores every row that resolves to a security"
    world.simulator.reset_stats()
    world.load("SPY QQQ IWM", THU, FRI)
    assert world.simulator.stats()["total"] == 0


def test_one_ticker_that_misses_months_and_all_that_miss_a_day_share_a_plan_and_no_row_counts_twice(
    world: World,
) -> None:
    first = date(2026, 9, 1)
    world.load(BIG, first, THU)
    report = world.load(f"{BIG} QQQ", first, FRI)
    assert [(unit.kind, unit.subject) for unit in report.plan.units] == [("range", "QQQ"), ("grouped", "*")]
    assert report.stored.quarantined == 0
    assert all(state.missing == 0 for state in report.states)
    assert world.sessions_of("QQQ") == sessions(first)


def test_a_plan_says_what_a_load_will_do_and_asks_for_no_bar(world: World) -> None:
    request = LoadRequest(("AAPL", "MSFT"), tuple(sessions(MON)))
    plan = world.loader().plan(request)
    assert (plan.calls, plan.cells) == (2, 10)
    assert asked(world) == []
    assert world.query("SELECT count(*) FROM work_units WHERE kind <> 'listings'") == [(0,)]
    assert world.loader().load(request).plan.units == plan.units


def test_a_plan_fetches_two_lists_and_counts_at_most_what_else_a_load_asks_about_listings(world: World) -> None:
    first = date(2024, 11, 21)
    world.simulator.reset_stats()
    plan = world.loader().plan(LoadRequest(("AAPL", "NEWC"), tuple(sessions(first))))
    assert world.simulator.stats()["by_endpoint"] == {"/v3/reference/tickers": 2}
    assert (plan.calls, plan.identity_calls) == (3, 2), "NEWC was OLDC"
    world.simulator.reset_stats()
    report = world.load("AAPL NEWC", first, FRI)
    endpoints = world.simulator.stats()["by_endpoint"]
    bars = sum(calls for path, calls in endpoints.items() if "/aggs/" in path)
    listings = sum(endpoints.values()) - bars
    assert (bars, report.plan.cells) == (plan.calls, plan.cells)
    assert 2 + plan.identity_calls < listings <= plan.listing_calls + plan.identity_calls


def test_grouped_and_range_answers_give_the_same_stored_rows(world: World, another_migrated_url: str) -> None:
    tickers = f"{BIG} THIN THNR NEWC IPOX BLNK BRK.A ABCpA ABC.U TRUE NA PENY"
    first = date(2026, 11, 2)
    by_session = world.load(tickers, first, FRI)
    assert {unit.kind for unit in by_session.plan.units} == {"grouped"}
    other = World(world.simulator, another_migrated_url)
    for few in (tickers.split()[:12], tickers.split()[12:24], tickers.split()[24:]):
        assert {unit.kind for unit in other.load(few, first, FRI).plan.units} == {"range"}
    wanted = tuple(tickers.split())
    both = "SELECT * FROM (%s) AS t WHERE ticker = ANY (%%s)"
    for text in (BARS, GAPS):
        assert world.query(both % text, (list(wanted),)) == other.query(both % text, (list(wanted),))
    same = ("securities", "ticker_intervals", "quarantined_bars", "bar_restatements", "bar_gaps")
    assert {name: world.tables()[name] for name in same} == {name: other.tables()[name] for name in same}


@pytest.mark.whole_market
@pytest.mark.parametrize(("first", "kind"), [(date(2026, 10, 1), "range"), (date(2026, 10, 26), "grouped")])
def test_how_answers_are_cut_into_transactions_changes_nothing(
    world: World, another_migrated_url: str, monkeypatch: pytest.MonkeyPatch, first: date, kind: str
) -> None:
    from tickstock_dagster.adapters.sources import fetcher as bar_fetcher

    tickers = f"{BIG} THIN THNR IPOX"
    assert {unit.kind for unit in world.load(tickers, first, FRI).plan.units} == {kind}
    monkeypatch.setattr(bar_fetcher, "FLUSH_ROWS", 1)
    other = World(world.simulator, another_migrated_url)
    other.load(tickers, first, FRI, workers=2)
    assert other.tables() == world.tables()


# -- who is who -------------------------------------------------------------------------------------------------------


def test_a_renamed_security_is_loaded_under_both_printed_tickers(world: World) -> None:
    report = world.load("NEWC", date(2026, 8, 10), date(2026, 8, 21))
    assert {unit.subject for unit in report.plan.units} == {"OLDC", "NEWC"}
    assert world.sessions_of("OLDC") == sessions(date(2026, 8, 10), date(2026, 8, 14))
    assert world.sessions_of("NEWC") == sessions(date(2026, 8, 17), date(2026, 8, 21))
    assert world.query("SELECT count(DISTINCT security_id) FROM ohlcv_daily") == [(1,)]


def test_the_former_ticker_of_a_security_loads_the_security_too(world: World) -> None:
    world.load("OLDC", date(2026, 8, 10), date(2026, 8, 14))
    assert world.sessions_of("OLDC") == sessions(date(2026, 8, 10), date(2026, 8, 14))


def test_a_reused_ticker_never_brings_its_old_owners_bars(world: World) -> None:
    report = world.load("RUSE", date(2019, 6, 20), date(2019, 7, 5))
    assert world.sessions_of("RUSE") == []
    assert world.gaps() == []
    assert all(state.expected == 0 for state in report.states)
    world.load("RUSE", date(2026, 2, 20), date(2026, 3, 10))
    assert world.sessions_of("RUSE") == sessions(date(2026, 3, 2), date(2026, 3, 10))


def test_a_company_that_took_a_funds_ticker_keeps_its_own_history(world: World) -> None:
    first, last = date(2022, 1, 20), date(2022, 6, 15)
    world.load("META", first, last)
    assert world.sessions_of("META") == sessions(date(2022, 6, 9), last)
    assert world.sessions_of("FB") == sessions(first, date(2022, 6, 8))
    world.load("METV", first, last)
    holders = "SELECT ticker, count(*), count(DISTINCT security_id) FROM ohlcv_daily GROUP BY ticker ORDER BY ticker"
    fund = len(sessions(first, date(2022, 1, 28)))
    assert world.query(holders) == [
        ("FB", len(sessions(first, date(2022, 6, 8))), 1),
        ("META", len(sessions(date(2022, 6, 9), last)) + fund, 2),
        ("METV", len(sessions(date(2022, 1, 31), last)), 1),
    ]


def test_a_delisted_security_is_expected_up_to_its_last_session(world: World) -> None:
    report = world.load("GONE AAPL", date(2026, 9, 21), date(2026, 10, 9))
    assert world.sessions_of("GONE") == sessions(date(2026, 9, 21), date(2026, 9, 29))
    assert world.gaps() == []
    assert {state.session: state.expected for state in report.states}[date(2026, 9, 30)] == 1
    assert sum(state.missing for state in report.states) == 0


def test_a_delisting_that_becomes_known_later_takes_the_gaps_after_it_away(world: World) -> None:
    world.now = datetime(2026, 9, 29, 22, tzinfo=UTC)
    world.simulator.set_now(world.now)
    world.load("GONE AAPL", date(2026, 9, 28), date(2026, 9, 29))
    world.now = datetime(2026, 10, 1, 22, tzinfo=UTC)
    world.simulator.set_now(world.now)
    world.simulator.install("empty_200", path="*/reference/tickers", times=1, ticker="GONE")
    world.load("GONE AAPL", date(2026, 9, 28), date(2026, 9, 30))
    world.now = datetime(2026, 10, 5, 22, tzinfo=UTC)
    world.simulator.set_now(world.now)
    report = world.load("GONE AAPL", date(2026, 9, 28), date(2026, 10, 5))
    assert world.sessions_of("GONE") == [date(2026, 9, 28), date(2026, 9, 29)]
    assert world.gaps() == []
    assert sum(state.missing for state in report.states) == 0
    assert world.query("SELECT delisted_on FROM symbols WHERE symbol = 'GONE'") == [(date(2026, 9, 30),)]


@pytest.mark.parametrize("tickers", ["IPOX", f"{BIG} IPOX"], ids=["range", "grouped"])
def test_a_late_listing_begins_at_its_first_bar_and_has_no_gaps_before(world: World, tickers: str) -> None:
    report = world.load(tickers, date(2026, 10, 5), date(2026, 10, 23))
    assert world.sessions_of("IPOX") == sessions(date(2026, 10, 15), date(2026, 10, 23))
    assert world.gaps() == []
    assert all(state.missing == 0 for state in report.states)
    begins = "SELECT valid_from, start_known, list_date, list_date_source FROM ticker_intervals JOIN securities USING "
    assert world.query(begins + "(security_id) WHERE ticker = 'IPOX'") == [
        (date(2026, 10, 15), "first_bar", date(2026, 10, 15), "first_bar")
    ]
    world.simulator.reset_stats()
    world.load(tickers, date(2026, 10, 5), date(2026, 10, 23))
    assert world.simulator.stats()["total"] == 0


EXPECTED = (
    "SELECT valid_from, expected_from, expected_to FROM ticker_intervals WHERE ticker = %s ORDER BY 1 DESC LIMIT 1"
)


def test_a_list_of_years_ago_that_lacks_a_ticker_expects_no_bar_before_the_first(world: World) -> None:
    """A plan over five years took in that list; the load of the last one had 236 false gaps."""
    for day in (date(2021, 11, 22), date(2026, 11, 20)):
        ListingSync(world.context()).observe(day)
    report = world.load("IPOX RUSE", date(2025, 12, 1), date(2026, 11, 20))
    assert world.gaps() == []
    assert [state.expected for state in report.states if state.session < date(2026, 3, 2)] == []
    assert world.sessions_of("IPOX") == sessions(date(2026, 10, 15), date(2026, 11, 20))
    assert world.sessions_of("RUSE") == sessions(date(2026, 3, 2), date(2026, 11, 20))
    assert world.query(EXPECTED, ("IPOX",)) == [(date(2026, 10, 15), date(2026, 10, 15), None)]
    world.simulator.reset_stats()
    assert world.load("IPOX RUSE", date(2025, 12, 1), date(2026, 11, 20)).stored.inserted == 0
    assert world.simulator.stats()["total"] == 0, "no answer about the days before the first bar is asked for again"


def test_a_session_between_two_bars_of_a_bracket_is_a_gap(world: World) -> None:
    world.simulator.remove_bar("IPOX", date(2026, 10, 20))
    report = world.load(f"{BIG} IPOX", date(2026, 10, 13), date(2026, 10, 23))
    assert [(ticker, day) for ticker, day, _, _ in world.gaps()] == [("IPOX", date(2026, 10, 20))]
    assert sum(state.missing for state in report.states) == 1


def test_bars_after_the_last_list_that_has_a_security_show_that_it_was_still_listed(world: World) -> None:
    """GONE was delisted on 2026-09-30; here the vendor's list of delisted securities does not say so."""
    world.simulator.install("empty_200", path="*/reference/tickers", ticker="GONE")
    for day in (date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 20)):
        ListingSync(world.context()).observe(day)
    assert world.query(EXPECTED, ("GONE",)) == [(date(1900, 1, 1), date(1900, 1, 1), date(2026, 9, 2))]
    world.load("AAPL GONE", date(2026, 9, 1), date(2026, 11, 20))
    assert world.sessions_of("GONE") == sessions(date(2026, 9, 1), date(2026, 9, 29))
    listed_on = date(2014, 2, 3)  # as the vendor states with its tickers
    assert world.query(EXPECTED, ("GONE",)) == [(listed_on, listed_on, date(2026, 9, 30))]
    assert world.gaps() == []


def test_a_listing_does_not_begin_at_a_bar_after_an_answer_that_failed(world: World) -> None:
    first_day = date(2026, 10, 15)
    world.simulator.install("server_error", path=f"*/grouped/*/{first_day}")
    report = world.load(f"{BIG} IPOX", date(2026, 10, 13), date(2026, 10, 16))
    assert [line for line in report.failures if str(first_day) in line]
    assert world.sessions_of("IPOX") == [date(2026, 10, 16)]
    world.simulator.clear_faults()
    world.load(f"{BIG} IPOX", date(2026, 10, 13), date(2026, 10, 16))
    assert world.sessions_of("IPOX") == [first_day, date(2026, 10, 16)]
    assert world.gaps() == []


def test_a_listing_does_not_begin_at_a_bar_after_an_answer_that_lacks_many(world: World) -> None:
    first_day = date(2026, 10, 15)
    lacking = ("IPOX", "AAPL", "MSFT", "NVDA", "AMZN")
    world.simulator.install("missing_symbols", tickers=lacking, path=f"*/grouped/*/{first_day}")
    report = world.load(f"{BIG} IPOX", date(2026, 10, 13), date(2026, 10, 16))
    assert report.failures == (f"grouped {first_day}: the answer lacks 4 of 25 expected bars",)
    assert world.sessions_of("IPOX") == [date(2026, 10, 16)]
    world.simulator.clear_faults()
    world.load(f"{BIG} IPOX", date(2026, 10, 13), date(2026, 10, 16), ask_again=True)
    assert world.sessions_of("IPOX") == [first_day, date(2026, 10, 16)]


def test_a_listing_does_not_begin_at_a_bar_after_sessions_that_nobody_asked_for(world: World) -> None:
    world.load("AAPL", date(2025, 6, 2), date(2025, 6, 3))  # takes in the list that lacks IPOY
    market = f"{BIG} IPOY"
    world.simulator.remove_bar("IPOY", date(2025, 8, 4))
    world.load(market, date(2025, 8, 4), date(2025, 8, 6))
    assert world.sessions_of("IPOY") == [date(2025, 8, 5), date(2025, 8, 6)]
    world.load("IPOY", date(2025, 6, 9), date(2025, 8, 6))
    assert world.sessions_of("IPOY")[0] == date(2025, 6, 12)
    assert len(world.sessions_of("IPOY")) == len(sessions(date(2025, 6, 12), date(2025, 8, 6))) - 1
    assert [(ticker, day) for ticker, day, _, _ in world.gaps()] == [("IPOY", date(2025, 8, 4))]


def test_many_late_listings_do_not_make_an_answer_doubtful(world: World) -> None:
    report = world.load(
        "AAPL MSFT NVDA AMZN GOOGL JPM IPOX THIN THNR ABC.U IPOY RUSE", date(2024, 5, 1), date(2024, 5, 7)
    )
    assert {unit.kind for unit in report.plan.units} == {"grouped"}
    assert report.failures == ()
    assert world.sessions_of("ABC.U") == [date(2024, 5, 6), date(2024, 5, 7)]
    assert {ticker for ticker, *_ in world.gaps()} <= {"THIN", "THNR"}


# -- absences ---------------------------------------------------------------------------------------------------------


def test_a_thinly_traded_name_has_final_gaps_that_leave_the_expectation(world: World) -> None:
    report = world.load("THIN", date(2026, 8, 3), FRI)
    gaps = world.gaps()
    assert gaps
    assert {reason for _, _, reason, _ in gaps} == {"no_trade"}
    assert "trades thinly, a median of" in gaps[0][3]
    assert sorted([*world.sessions_of("THIN"), *(day for _, day, _, _ in gaps)]) == sessions(date(2026, 8, 3))
    assert all(state.missing == 0 and state.ratio == 1.0 for state in report.states)
    world.simulator.reset_stats()
    world.load("THIN", date(2026, 8, 3), FRI, ask_again=True)
    assert world.simulator.stats()["total"] == 0


def test_a_hole_in_an_ordinary_name_is_the_vendors_and_is_asked_for_again_when_due(world: World) -> None:
    world.simulator.remove_bar("AAPL", WED)
    report = world.load("AAPL", OCT, FRI)
    [(ticker, day, reason, evidence)] = world.gaps()
    assert (ticker, day, reason) == ("AAPL", WED, "vendor_missing")
    assert "simulator's answer has no bar, though its median volume is" in evidence
    assert [(state.session, state.missing) for state in report.states if state.missing] == [(WED, 1)]
    world.simulator.reset()
    world.simulator.reset_stats()
    world.load("AAPL", MON, FRI)
    assert world.simulator.stats()["total"] == 0, "not due before tomorrow"
    world.now += timedelta(days=1, minutes=1)
    world.load("AAPL", MON, FRI)
    assert asked(world) == [f"/v2/aggs/ticker/AAPL/range/1/day/{WED}/{WED}"]
    assert world.gaps() == []
    assert world.sessions_of("AAPL") == sessions(OCT)


def test_a_bar_that_is_absent_on_the_evening_is_late_and_due_a_quarter_of_an_hour_later(world: World) -> None:
    world.now = FRIDAY_EVENING
    world.simulator.set_now(FRIDAY_EVENING)
    world.simulator.remove_bar("AAPL", FRI)
    world.load("AAPL MSFT", MON, FRI)
    assert [(row[1], row[2]) for row in world.gaps()] == [(FRI, "vendor_late")]
    assert world.query("SELECT retry_at FROM bar_gaps") == [(FRIDAY_EVENING + timedelta(minutes=15),)]
    statuses = "SELECT session, status FROM ohlcv_daily WHERE ticker = 'MSFT' AND session >= %s ORDER BY session"
    assert world.query(statuses, (THU,)) == [(THU, "final"), (FRI, "provisional")]


def test_asking_again_ignores_that_a_gap_is_not_due(world: World) -> None:
    world.simulator.remove_bar("AAPL", WED)
    world.load("AAPL", MON, FRI)
    world.simulator.reset()
    report = world.load("AAPL", MON, FRI, ask_again=True)
    assert report.plan.cells == 1
    assert world.gaps() == []


# -- what a plan allows -----------------------------------------------------------------------------------------------


def test_what_a_plans_history_does_not_reach_is_explained_without_a_call(world: World) -> None:
    free = quick_source(world.simulator, "free")
    report = world.load("AAPL", date(2024, 11, 18), date(2024, 11, 22), source=free)
    assert asked(world) == ["/v2/aggs/ticker/AAPL/range/1/day/2024-11-22/2024-11-22"]
    assert [(day, reason, evidence) for _, day, reason, evidence in world.gaps()] == [
        (date(2024, 11, day), "not_entitled", "the plan free reaches back 2 years") for day in (18, 19, 20, 21)
    ]
    assert sum(state.missing for state in report.states) == 4
    world.simulator.reset_stats()
    again = world.load("AAPL", date(2024, 11, 18), date(2024, 11, 22), source=free)
    assert (again.plan.calls, again.stored.explained, world.simulator.stats()["total"]) == (0, 0, 0)


def test_a_smaller_plan_than_the_settings_say_costs_its_own_history_only(migrated_database_url: str) -> None:
    with RunningSimulator(plan="free", now=SATURDAY, rate=(100_000, 1)) as free:
        world = World(free, migrated_database_url)
        world.source = quick_source(free, "starter")
        report = world.load("AAPL MSFT", date(2024, 9, 3), date(2024, 12, 31))
    gaps = {(ticker, day): (reason, evidence) for ticker, day, reason, evidence in world.gaps()}
    edge = world.source.history_from
    assert date(2024, 11, 21) <= edge <= date(2024, 11, 24)
    assert {reason for reason, _ in gaps.values()} == {"not_entitled"}
    assert all("is MASSIVE_PLAN the key's plan?" in words for _, words in gaps.values())
    assert max(day for _, day in gaps) < edge <= min(world.sessions_of("AAPL"))
    assert report.failures == ()
    assert sum(state.missing for state in report.states) == len(gaps)


def test_a_larger_plan_asks_at_once_for_what_the_smaller_one_did_not_reach(world: World) -> None:
    free = quick_source(world.simulator, "free")
    world.load("AAPL", date(2024, 11, 18), date(2024, 11, 20), source=free)
    world.load("AAPL", date(2024, 11, 18), date(2024, 11, 20))
    assert world.gaps() == []
    assert len(world.sessions_of("AAPL")) == 3


def test_a_range_before_the_vendors_first_day_is_explained_and_stops_nothing(world: World) -> None:
    report = world.load("AAPL", date(2003, 9, 5), date(2003, 9, 12))
    assert world.sessions_of("AAPL") == [date(2003, 9, day) for day in (10, 11, 12)]
    assert [(day, reason) for _, day, reason, _ in world.gaps()] == [
        (date(2003, 9, day), "vendor_missing") for day in (5, 8, 9)
    ]
    assert report.failures == ()
    world.simulator.reset_stats()
    world.load("AAPL", date(2003, 9, 5), date(2003, 9, 12))
    assert world.simulator.stats()["total"] == 0


# -- bad input --------------------------------------------------------------------------------------------------------


def test_an_unknown_symbol_is_named_and_the_others_are_loaded(world: World) -> None:
    report = world.load("AAPL NOSUCH", MON, FRI)
    assert report.unknown == ("NOSUCH",)
    assert len(world.sessions_of("AAPL")) == 5
    world.simulator.reset_stats()
    world.load("AAPL NOSUCH", MON, FRI)
    assert world.simulator.stats()["total"] == 0


@pytest.mark.parametrize(("tickers", "options"), [("AAPL NOSUCH", {"strict": True}), ("NOSUCH", {})])
def test_a_strict_load_and_one_of_unknown_symbols_alone_is_refused_with_the_nearest_spelling(
    world: World, tickers: str, options: dict[str, bool]
) -> None:
    with pytest.raises(BadInputError, match="symbol 'NOSUCH' is not accepted"):
        world.load(tickers, MON, FRI, **options)
    with pytest.raises(BadInputError, match=r"symbol 'APPL' is not accepted: did you mean AAPL\?"):
        world.load("APPL", MON, FRI)
    assert world.query("SELECT count(*) FROM ohlcv_daily") == [(0,)]
    refused = world.query("SELECT count(*) FROM vendor_calls")[0][0]
    assert refused == world.simulator.stats()["total"], "calls for the lists are noted even then"


@pytest.mark.parametrize(("tickers", "days"), [((), (FRI,)), (("AAPL",), ())])
def test_an_empty_request_is_refused(world: World, tickers: tuple[str, ...], days: tuple[date, ...]) -> None:
    with pytest.raises(BadInputError, match="request"):
        world.loader().load(LoadRequest(tickers, days))


def test_a_key_that_the_vendor_does_not_know_stops_the_load_and_leaves_the_store_alone(world: World) -> None:
    world.load("AAPL", MON, TUE)
    before = world.tables("work_units")
    source = quick_source(world.simulator)
    source._http._clients.clear() if hasattr(source._http, "_clients") else None
    stranger = type(source)("wrong-key", world.simulator.url, source.plan, source._http._limiter, name="simulator")
    with pytest.raises(AuthFailedError, match="401"):
        world.load("AAPL", MON, FRI, source=stranger)
    assert world.tables("work_units") == before


@pytest.mark.parametrize("refused", ["AAPL", "MSFT", "NVDA"])
def test_one_refused_ticker_ends_its_own_unit_and_keeps_its_own_evidence(world: World, refused: str) -> None:
    world.load("AAPL MSFT NVDA", MON, MON)
    world.simulator.install("not_entitled", path=f"*/{refused}/range/*")
    report = world.load("AAPL MSFT NVDA", MON, FRI, workers=1)
    for ticker in ("AAPL", "MSFT", "NVDA"):
        assert world.sessions_of(ticker) == ([MON] if ticker == refused else [MON, TUE, WED, THU, FRI])
    assert {(ticker, reason) for ticker, _, reason, _ in world.gaps()} == {(refused, "not_entitled")}
    assert len(world.gaps()) == 4
    [failure] = report.failures
    assert failure.startswith(f"range {refused} ")
    world.simulator.clear_faults()
    world.load("AAPL MSFT NVDA", MON, FRI)
    assert len(world.gaps()) == 4, "not asked for again by the next load, but tomorrow"
    world.now += timedelta(days=1)
    world.load("AAPL MSFT NVDA", MON, FRI)
    assert world.gaps() == []


def test_a_plan_without_the_endpoint_stops_the_load_and_explains_all_that_it_leaves_out(world: World) -> None:
    world.load("AAPL MSFT", MON, MON)
    world.simulator.install("not_entitled", path="*/range/*")
    with pytest.raises(NotEntitledError, match="You are not entitled to this data"):
        world.load("AAPL MSFT", MON, FRI, workers=1)
    assert {(ticker, reason) for ticker, _, reason, _ in world.gaps()} == {
        ("AAPL", "not_entitled"), ("MSFT", "not_entitled")
    }  # fmt: skip
    assert len(world.gaps()) == 8
    world.simulator.clear_faults()
    world.load("AAPL MSFT", MON, FRI)
    assert world.gaps() == []


def test_a_database_that_goes_away_stops_the_load_with_its_name_and_the_next_load_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tickstock_dagster.adapters.bars import store as bar_store

    def lose(*_: object, **__: object) -> None:
        name = world.database_url.rpartition("/")[2]
        world.query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = %s AND pid <> pg_backend_pid()",
            (name,),
        )

    monkeypatch.setattr(bar_store, "write_events", lose)
    with pytest.raises(ServiceUnavailableError, match="was lost"):
        world.load("AAPL MSFT", MON, FRI)
    monkeypatch.undo()
    assert world.query("SELECT count(*) FROM ohlcv_daily") == [(0,)]
    assert world.load("AAPL MSFT", MON, FRI).stored.inserted == 10


# -- files ------------------------------------------------------------------------------------------------------------


def test_a_file_is_loaded_by_the_same_path(world: World, tmp_path: Path) -> None:
    days = sessions(MON)
    rows = [
        {"symbol": ticker, "date": day, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100}
        for ticker, since in (("AAA", 0), ("BBB", 2), ("TRUE", 0))
        for day in days[since:]
    ]
    rows[1]["high"] = 8.0
    pl.DataFrame(rows).write_parquet(tmp_path / "bars.parquet")
    source = FileSource(tmp_path / "bars.parquet")
    report = world.load("AAA BBB TRUE", MON, FRI, source=source)
    assert (report.stored.inserted, report.stored.quarantined, report.calls) == (12, 1, 0)
    assert world.query("SELECT DISTINCT source FROM ohlcv_daily") == [(source.name,)]
    assert [(ticker, day, reason) for ticker, day, reason, _ in world.gaps()] == [("AAA", TUE, "quarantined")]
    assert world.sessions_of("BBB") == [WED, THU, FRI]
    assert world.load("AAA BBB TRUE", MON, FRI, source=source).stored.inserted == 0


def test_a_row_that_no_column_can_hold_is_quarantined_and_spoils_no_other(world: World, tmp_path: Path) -> None:
    good = {"symbol": "AAA", "date": MON, "open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 100.0}
    broken: list[Callable[[dict[str, object]], dict[str, object]]] = [
        lambda row: {**row, "high": 1e13},
        lambda row: {**row, "low": 1e-9, "open": 1e-9, "close": 1e-9},
        lambda row: {**row, "volume": 1e30},
        lambda row: {**row, "vwap": float("inf")},
        lambda row: {**row, "vwap": 1e14},
        lambda row: {**row, "close": float("nan")},
    ]
    days = sessions(date(2026, 11, 2))
    rows = [{"vwap": 10.5, **good, "date": days[0]}]
    rows += [spoil({"vwap": 10.5, **good, "date": day}) for spoil, day in zip(broken, days[1:], strict=False)]
    rows += [{"vwap": 10.5, **good, "date": days[10]}]
    pl.DataFrame(rows).write_parquet(tmp_path / "bars.parquet")
    report = world.load("AAA", days[0], days[10], source=FileSource(tmp_path / "bars.parquet"))
    assert world.sessions_of("AAA") == [days[0], days[10]]
    assert report.stored.quarantined == len(broken)
    assert {reason for _, day, reason, _ in world.gaps() if day <= days[len(broken)]} == {"quarantined"}


# -- progress ---------------------------------------------------------------------------------------------------------


def test_units_end_done_with_their_rows_and_progress_is_told(world: World) -> None:
    world.load("AAPL MSFT", MON, FRI, run_id="run-7")
    units = (
        "SELECT subject, status, attempts, cells, rows, run_id FROM work_units WHERE kind = 'range' ORDER BY subject"
    )
    assert world.query(units) == [("AAPL", "done", 1, 5, 5, "run-7"), ("MSFT", "done", 1, 5, 5, "run-7")]
    told = "SELECT event -> 'data' ->> 'done', event -> 'data' ->> 'total' FROM outbox"
    assert world.query(told) == [("2", "2")]


@pytest.mark.whole_market
def test_a_ticker_in_an_answer_that_nobody_holds_is_named(world: World) -> None:
    world.load(BIG, FRI, FRI)
    world.simulator.install("other_ticker", path="*/grouped/*", ticker="SPY", answers="XXXX")
    assert world.load(BIG, THU, THU).unresolved == ("XXXX",)


def test_a_plan_of_few_calls_is_asked_few_at_a_time(world: World) -> None:
    source = quick_source(world.simulator)
    source.plan = replace(source.plan, calls=2) if source.plan else None
    assert world.load("AAPL MSFT NVDA", MON, FRI, source=source, workers=8).stored.inserted == 15
