"""Identity over a load: what the vendor is asked, whose bars are stored, and what stays nobody's."""

from collections.abc import Sequence
from datetime import date

from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.securities.stated_chains import StatedChain, state_chains
from tickstock_dagster.adapters.sources.protocol import MarketSource, NotFoundError, TickerChange, UpstreamError
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, World

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
