"""Identity over a load: what the vendor is asked, whose bars are stored, and what stays nobody's."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.securities.stated_chains import StatedChain, state_chains
from tickstock_dagster.adapters.sources.protocol import MarketSource, NotFoundError, TickerChange, UpstreamError
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, SATURDAY, World

LATEST = date(2026, 11, 20)
INTERVALS = """
SELECT ticker, valid_from, valid_to, stated_from, stated_to FROM ticker_intervals
WHERE security_id = (SELECT security_id FROM ticker_intervals WHERE ticker = %s ORDER BY valid_from DESC LIMIT 1)
ORDER BY valid_from
"""


class Vendor:
    """The simulator's lists and bars with other statements of tickers."""

    def __init__(self, source: MarketSource, changes: dict[str, list[TickerChange]] | None) -> None:
        self._source = source
        self._changes = changes

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def ticker_changes(self, ticker: str) -> Sequence[TickerChange]:
        if self._changes is None:
            raise UpstreamError("503")
        if ticker not in self._changes:
            raise NotFoundError(f"no events for {ticker}")
        return self._changes[ticker]


def stored(world: World, ticker: str) -> list[date]:
    return [
        day
        for (day,) in world.query(
            """
            SELECT session FROM ohlcv_daily WHERE security_id = (
                SELECT security_id FROM ticker_intervals WHERE ticker = %s ORDER BY valid_from DESC LIMIT 1)
            ORDER BY session
            """,
            (ticker,),
        )
    ]


def test_a_rename_between_two_looks_is_asked_for_and_loaded_under_both_tickers(world: World) -> None:
    world.load("NEWC", date(2026, 1, 5), LATEST)
    assert world.query(INTERVALS, ("NEWC",))[0][:3] == ("OLDC", date(2019, 3, 1), date(2026, 8, 17))
    assert stored(world, "NEWC") == list(CALENDAR.sessions(date(2026, 1, 5), LATEST))
    assert world.gaps() == []


def test_a_long_load_costs_one_call_more_for_each_security_and_only_once(world: World) -> None:
    first = date(2026, 6, 1)
    request = LoadRequest(("AAPL", "MSFT"), tuple(CALENDAR.sessions(first, LATEST)))
    assert world.loader().plan(request).identity_calls == 2
    assert world.query("SELECT count(*) FROM securities") == [(0,)]
    world.simulator.reset_stats()
    world.load("AAPL MSFT", first, LATEST)
    calls = world.simulator.stats(calls=True)["calls"]
    assert sum("/BBG" in call["path"] for call in calls) == 2
    assert world.loader().plan(request).identity_calls == 0
    assert world.gaps() == []


def test_a_short_load_needs_no_proof(world: World) -> None:
    world.load("AAPL MSFT", date(2026, 10, 26), LATEST)
    assert not [path for path in world.simulator.stats()["by_endpoint"] if "events" in path]


def test_a_ticker_of_another_company_before_is_not_loaded_as_its_new_holders(world: World) -> None:
    """RUSE was a railway's until 2019, which only a list of then shows; the list of 2021 has no RUSE."""
    world.load("RUSE", date(2018, 1, 2), LATEST)
    assert stored(world, "RUSE") == list(CALENDAR.sessions(date(2026, 3, 2), LATEST))
    railway = "SELECT count(*) FROM ohlcv_daily WHERE ticker = 'RUSE' AND session < '2026-03-02'"
    assert world.query(railway) == [(0,)]
    assert world.gaps() == []


def test_tickers_that_nobody_states_are_proven_by_a_list_a_month(world: World) -> None:
    source: MarketSource = Vendor(world.source, {})  # type: ignore[assignment]
    world.load("AAPL NEWC", date(2026, 6, 1), LATEST, source=source)
    assert stored(world, "AAPL") == list(CALENDAR.sessions(date(2026, 6, 1), LATEST))
    assert stored(world, "NEWC") == list(CALENDAR.sessions(date(2026, 6, 1), LATEST))
    assert world.gaps() == []
    lists = "SELECT count(*) FROM work_units WHERE kind = 'listings'"
    assert world.query(lists) == [(7,)]


def test_what_nothing_proves_is_stored_for_nobody_and_asked_for_again(world: World) -> None:
    for day in (LATEST, date(2026, 6, 1)):
        ListingSync(world.context()).observe(day)
    for path in ("*/events", "*/reference/tickers"):
        world.simulator.install("server_error", path=path)
    report = world.load("AAPL", date(2026, 6, 1), LATEST)
    reasons = {(reason, evidence) for _, _, reason, evidence in world.gaps()}
    assert reasons == {("identity_unproven", "whose AAPL was is not proven from 2026-06-02 to before 2026-11-20")}
    assert stored(world, "AAPL") == [date(2026, 6, 1), LATEST]
    assert sum(state.missing for state in report.states) == len(world.gaps()) == report.gaps["identity_unproven"]
    world.simulator.clear_faults()
    report = world.load("AAPL", date(2026, 6, 1), LATEST)
    assert world.gaps() == []
    assert sum(state.missing for state in report.states) == 0
    assert stored(world, "AAPL") == list(CALENDAR.sessions(date(2026, 6, 1), LATEST))


def test_a_ticker_events_call_that_fails_ends_neither_the_list_nor_the_load(world: World) -> None:
    """OLDC became NEWC between two lists. The vendor's answer about it is away: only these days stay unproven."""
    first, last = date(2026, 8, 3), date(2026, 8, 28)
    ListingSync(world.context()).observe(first)
    away: MarketSource = Vendor(world.source, None)  # type: ignore[assignment]
    ListingSync(world.context(away)).observe(last)
    unresolved = world.query(INTERVALS, ("NEWC",))
    assert [(row[0], row[2]) for row in unresolved] == [("OLDC", last), ("NEWC", None)]
    assert unresolved[1][1] == last, "no earlier than it was seen"
    assert world.query("SELECT count(*) FROM work_units WHERE kind = 'listings' AND status = 'done'") == [(2,)]
    report = world.load("NEWC AAPL", first, last, source=away)
    assert {(ticker, reason) for ticker, _, reason, _ in world.gaps()} == {("OLDC", "identity_unproven")}
    assert stored(world, "NEWC") == [first, last]
    assert stored(world, "AAPL") == list(CALENDAR.sessions(first, last)), "one odd thing ends one thing"
    assert report.gaps == {"identity_unproven": 18}
    ListingSync(world.context()).observe(date(2026, 9, 1))
    assert [row[:3] for row in world.query(INTERVALS, ("NEWC",))][-1][:2] == ("NEWC", date(2026, 8, 17))
    world.load("NEWC AAPL", first, last, ask_again=True)
    assert stored(world, "NEWC") == list(CALENDAR.sessions(first, last))
    assert world.gaps() == []


TABLE = """ticker,first,last,identity
QQQ,2025-03-10,2026-03-02,trust
QQQQ,2026-03-03,2026-07-31,trust
QQQ,2026-08-03,,trust
GOOG,2025-08-19,2026-04-02,class_a
GOOGL,2026-04-03,,class_a
GOOG,2026-04-03,,class_c
"""
"""QQQ was QQQQ for five months; GOOG was class A's, which became GOOGL when class C came as GOOG."""

FIRST = date(2026, 1, 5)


@pytest.fixture
def renamed(migrated_database_url: str, tmp_path: Path) -> Iterator[World]:
    """A vendor with these three, whose closes say whose they are: QQQ 300, class A 1,100 and 550, class C 540."""
    closes = {
        "QQQ": lambda day: None if date(2026, 3, 3) <= day <= date(2026, 7, 31) else 300,
        "QQQQ": lambda day: 300 if date(2026, 3, 3) <= day <= date(2026, 7, 31) else None,
        "GOOG": lambda day: 1100 if day <= date(2026, 4, 2) else 540,
        "GOOGL": lambda day: 550 if day >= date(2026, 4, 3) else None,
    }
    lines = [
        f"{ticker},{day},{close},{close},{close},{close},1000000"
        for ticker, close_on in closes.items()
        for day in CALENDAR.sessions(FIRST, LATEST)
        if (close := close_on(day))
    ]
    (tmp_path / "bars.csv").write_text("\n".join(["ticker,date,open,high,low,close,volume", *lines]))
    (tmp_path / "listings.csv").write_text(TABLE)
    bars = Path(f"{tmp_path / 'bars.csv'}?listings=listings.csv")
    with RunningSimulator(plan="advanced", bars=bars, now=SATURDAY) as simulator:
        yield World(simulator, migrated_database_url)


def printed(world: World, ticker: str) -> list[tuple[str, date, date, float, float]]:
    """What is stored of the security that holds a ticker now: by ticker the first and last session and the closes."""
    return world.query(
        """
        SELECT ticker, min(session), max(session), min(close)::float8, max(close)::float8
        FROM ohlcv_daily WHERE security_id = (
            SELECT security_id FROM ticker_intervals WHERE ticker = %s ORDER BY valid_from DESC LIMIT 1)
        GROUP BY ticker, CASE WHEN session < '2026-03-03' THEN 0 WHEN session <= '2026-07-31' THEN 1 ELSE 2 END,
            session <= '2026-04-02' AND ticker LIKE 'GOOG%%'
        ORDER BY 2
        """,
        (ticker,),
    )


def test_a_ticker_that_was_given_up_and_taken_back_inside_a_range_is_loaded_under_all_three(renamed: World) -> None:
    """A, B, A: the same at both ends of the range."""
    renamed.load("QQQ", FIRST, LATEST)
    assert printed(renamed, "QQQ") == [
        ("QQQ", FIRST, date(2026, 3, 2), 300, 300),
        ("QQQQ", date(2026, 3, 3), date(2026, 7, 31), 300, 300),
        ("QQQ", date(2026, 8, 3), LATEST, 300, 300),
    ]
    assert stored(renamed, "QQQ") == list(CALENDAR.sessions(FIRST, LATEST))
    assert renamed.gaps() == []


@pytest.mark.parametrize("tickers", ["GOOG GOOGL", "GOOGL GOOG", "GOOG", "GOOGL"])
def test_a_ticker_that_passed_to_another_class_inside_a_range_is_each_ones_own(renamed: World, tickers: str) -> None:
    """GOOG was class A's until April 2nd and is class C's since: no bar of A is stored for C."""
    renamed.load(tickers, FIRST, LATEST)
    passed = date(2026, 4, 3)  # Good Friday: the first session of both is Monday
    begins = CALENDAR.next_session(passed)
    if "GOOGL" in tickers.split():
        assert stored(renamed, "GOOGL") == list(CALENDAR.sessions(FIRST, LATEST))
        closes = "SELECT DISTINCT ticker, close::float8 FROM ohlcv_daily WHERE close > 545 ORDER BY 1"
        assert renamed.query(closes) == [("GOOG", 1100), ("GOOGL", 550)]
    if "GOOG" in tickers.split():
        assert stored(renamed, "GOOG") == list(CALENDAR.sessions(begins, LATEST))
        closes = "SELECT DISTINCT close::float8 FROM ohlcv_daily WHERE ticker = 'GOOG' AND session > '2026-04-02'"
        assert renamed.query(closes) == [(540,)]
    assert renamed.gaps() == []


def test_a_source_states_whole_chains_itself(world: World) -> None:
    """QQQ, QQQQ, QQQ: the same at both ends."""
    chain = [("QQQ", date(1999, 3, 10)), ("QQQQ", date(2004, 12, 1)), ("QQQ", date(2011, 3, 23))]
    stated = StatedChain("ticker:QQQ", [TickerChange(*link) for link in chain])
    gone = StatedChain("ticker:DEAD", [TickerChange("DEAD", date(2000, 1, 3))], date(2001, 1, 2))
    with_context = world.context()
    expected = {"ticker:QQQ": True, "ticker:DEAD": True}
    assert state_chains(with_context, [stated, gone], LATEST) == expected
    assert [row[:3] for row in world.query(INTERVALS, ("QQQ",))] == [
        ("QQQ", date(1999, 3, 10), date(2004, 12, 1)),
        ("QQQQ", date(2004, 12, 1), date(2011, 3, 23)),
        ("QQQ", date(2011, 3, 23), None),
    ]
    assert world.query(INTERVALS, ("DEAD",)) == [
        ("DEAD", date(2000, 1, 3), date(2001, 1, 2), date(2000, 1, 3), date(2001, 1, 2))
    ]
    before = world.tables()
    assert state_chains(with_context, [stated, gone], LATEST) == expected
    assert world.tables() == before
    assert world.query("SELECT count(*) FROM securities") == [(2,)]
