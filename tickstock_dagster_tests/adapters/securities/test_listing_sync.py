"""Ticker histories from dated lists: which lists are asked for, what they change, and which are refused."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import polars as pl
import pytest

from tickstock_dagster.adapters.securities.listing_store import read_intervals, read_securities
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.securities.market_store import register_listings
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError, MarketSource, NotFoundError
from tickstock_dagster.adapters.universes.store import listed_tickers
from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster_tests.adapters.load_helpers import MARKET, World

LATEST = date(2026, 11, 20)
HISTORY = """
SELECT i.ticker, i.valid_from, i.valid_to, i.start_known FROM ticker_intervals AS i
WHERE security_id = (SELECT security_id FROM ticker_intervals WHERE ticker = %s ORDER BY valid_from DESC LIMIT 1)
ORDER BY valid_from
"""
UNKNOWN = date(1900, 1, 1)


def sync_of(world: World, source: MarketSource | None = None) -> ListingSync:
    return ListingSync(world.context(source))


def ensure(world: World, tickers: str, first: date, last: date) -> list[date]:
    return sync_of(world).ensure(tickers.split(), first, last, LATEST)


def history(world: World, ticker: str) -> list[tuple[object, ...]]:
    return world.query(HISTORY, (ticker,))


def asked(world: World, path: str = "reference") -> list[str]:
    calls = world.simulator.stats(calls=True)["calls"]
    return [call["path"] for call in calls if path in call["path"]]


class _SilentInJuly:
    """A source whose lists of July have no names."""

    def __init__(self, source: MarketSource) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def listings(self, *, on: date | None = None, **options: Any) -> pl.DataFrame:
        rows = self._source.listings(on=on, **options)
        return rows.with_columns(name=pl.lit(None, dtype=pl.String)) if on and on.month == 7 else rows


# -- which lists ------------------------------------------------------------------------------------------------------


def test_a_fresh_store_needs_todays_list_and_that_of_the_first_session(world: World) -> None:
    assert ensure(world, "AAPL", date(2026, 11, 2), LATEST) == [LATEST, date(2026, 11, 2)]
    assert ensure(world, "AAPL MSFT", date(2026, 11, 2), LATEST) == []
    assert ensure(world, "AAPL", date(2026, 11, 3), date(2026, 11, 19)) == []


def test_an_earlier_span_needs_one_more_list_and_a_later_day_one(world: World) -> None:
    yesterday = date(2026, 11, 19)
    assert sync_of(world).ensure(["AAPL"], yesterday, yesterday, yesterday) == [yesterday]
    assert ensure(world, "AAPL", LATEST, LATEST) == [LATEST]
    assert ensure(world, "AAPL", date(2026, 11, 2), LATEST) == [date(2026, 11, 2)]
    assert ensure(world, "AAPL", date(2025, 11, 3), LATEST) == [date(2025, 11, 3)]
    assert ensure(world, "AAPL", date(2025, 12, 1), LATEST) == []


def test_loading_old_sessions_asks_who_holds_a_ticker_today_first(world: World) -> None:
    """META was a fund's ticker in January 2022; whoever says META today means the company."""
    first, last = date(2022, 1, 3), date(2022, 1, 28)
    assert ensure(world, "META", first, last) == [LATEST, first]
    assert history(world, "META") == [
        ("FB", UNKNOWN, date(2022, 6, 9), "unknown"),
        ("META", date(2022, 6, 9), None, "vendor"),
    ]


def test_a_ticker_that_nobody_holds_today_is_looked_for_on_the_last_session(world: World) -> None:
    assert ensure(world, "GONA", date(2016, 1, 4), date(2016, 3, 1)) == [LATEST, date(2016, 3, 1), date(2016, 1, 4)]
    assert history(world, "GONA") == [("GONA", UNKNOWN, date(2016, 4, 1), "unknown")]
    assert world.query("SELECT delisted_on FROM symbols WHERE symbol = 'GONA'") == [(date(2016, 4, 1),)]


def test_a_security_listed_since_needs_the_list_of_the_last_session_too(world: World) -> None:
    first, last = date(2024, 5, 1), date(2024, 5, 7)
    assert ensure(world, "AAPL IPOY", first, last) == [LATEST, first, last]
    assert history(world, "IPOY") == [("IPOY", date(2024, 5, 8), None, "absent_before")]
    assert ensure(world, "AAPL IPOY", first, date(2024, 5, 3)) == []


def test_an_unknown_ticker_costs_its_lists_once(world: World) -> None:
    first = date(2026, 11, 2)
    assert ensure(world, "NOSUCH", first, date(2026, 11, 6)) == [LATEST, date(2026, 11, 6)]
    assert ensure(world, "NOSUCH", first, date(2026, 11, 6)) == []


def test_a_list_of_last_week_still_tells_who_is_who(world: World) -> None:
    week_before = LATEST - timedelta(days=7)
    sync_of(world).observe(week_before)
    assert ensure(world, "AAPL", week_before, week_before) == []
    assert sync_of(world).ensure(["AAPL"], week_before, week_before, LATEST + timedelta(days=1)) == [
        LATEST + timedelta(days=1)
    ]


def test_a_day_before_the_vendors_first_list_concludes_nothing_and_is_asked_once(world: World) -> None:
    assert ensure(world, "AAPL", date(2003, 9, 2), LATEST) == [LATEST, date(2003, 9, 2)]
    assert history(world, "AAPL") == [("AAPL", UNKNOWN, None, "unknown")]
    assert ensure(world, "AAPL", date(2003, 9, 2), LATEST) == []
    assert ensure(world, "AAPL", date(2003, 9, 10), LATEST) == [date(2003, 9, 10)]


def test_two_at_once_ask_for_each_list_once(world: World) -> None:
    together = Barrier(2)
    fetched: list[list[date]] = []

    def run() -> None:
        together.wait()
        fetched.append(ensure(world, "AAPL NEWC", date(2026, 7, 1), LATEST))

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fetched) == [[], [LATEST, date(2026, 7, 1)]]


# -- what they change -------------------------------------------------------------------------------------------------


def test_everything_listed_is_stored_with_its_facts(world: World) -> None:
    ensure(world, "AAPL", LATEST, LATEST)
    facts = "SELECT symbol, name, equity_type, primary_exchange, cik, currency, active FROM symbols WHERE symbol = %s"
    assert world.query(facts, ("SPY",)) == [("SPY", "SPDR S&P 500 ETF Trust", "ETF", "ARCX", None, "USD", True)]
    assert world.query(facts, ("BLNK",)) == [("BLNK", "Blank Fields Inc.", None, None, None, "USD", True)]
    assert {"TRUE", "NA", "BRK.A", "ABCpA", "ABC.U", "ZVZZT"} <= {
        row[0] for row in world.query("SELECT symbol FROM symbols")
    }
    listed = world.source.listings(on=LATEST)
    assert world.query("SELECT count(*) FROM symbols") == [(listed.height,)]
    unit = "SELECT kind, subject, first_session, status, rows FROM work_units"
    assert world.query(unit) == [("listings", "*", LATEST, "done", listed.height)]


def test_a_list_taken_in_again_changes_nothing(world: World) -> None:
    ensure(world, "AAPL", date(2026, 7, 1), LATEST)
    before = world.tables("work_units")
    for day in (LATEST, date(2026, 7, 1)):
        sync_of(world).observe(day)
    assert world.tables("work_units") == before


def test_a_list_that_is_silent_about_a_fact_does_not_take_it_away(world: World) -> None:
    ensure(world, "AAPL", LATEST, LATEST)
    world.query("UPDATE securities SET equity_type = 'CS', cik = '0000000001' WHERE name = 'Blank Fields Inc.'")
    sync_of(world).observe(date(2026, 11, 21))
    kept = "SELECT equity_type, cik FROM symbols WHERE symbol = 'BLNK'"
    assert world.query(kept) == [("CS", "0000000001")]


@pytest.mark.parametrize("order", [1, -1], ids=["the newest last", "the newest first"])
def test_lists_taken_in_together_say_what_they_say_one_by_one(
    world: World, another_migrated_url: str, order: int
) -> None:
    """Renames, a hand-over, new listings and ends over two years; the lists of July are silent about names."""
    days = [date(2022 + number // 4, 1 + 3 * (number % 4), 14) for number in range(8)][::order]
    other = World(world.simulator, another_migrated_url)
    for one in (world, other):
        one.source = _SilentInJuly(one.source)
    sync_of(world).take_in(*days)
    for day in days:
        sync_of(other).take_in(day)
    assert world.tables() == other.tables()
    assert world.query("SELECT count(name) > 400 FROM securities") == [(True,)]


def test_the_day_of_a_rename_is_the_vendors_statement(world: World) -> None:
    ensure(world, "NEWC", date(2026, 7, 1), LATEST)
    assert history(world, "NEWC") == [
        ("OLDC", UNKNOWN, date(2026, 8, 17), "unknown"),
        ("NEWC", date(2026, 8, 17), None, "vendor"),
    ]
    assert asked(world, "/events") == ["/vX/reference/tickers/NEWC/events"]


class Silent:
    """A source that knows no ticker changes."""

    def __init__(self, source: MarketSource) -> None:
        self._source = source

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def ticker_changes(self, ticker: str) -> Sequence[object]:
        raise NotFoundError(f"no events for {ticker}")


def test_without_a_statement_the_day_is_found_by_halving(world: World) -> None:
    source: MarketSource = Silent(world.source)  # type: ignore[assignment]
    sync_of(world, source).ensure(["NEWC"], date(2026, 7, 1), LATEST, LATEST)
    assert history(world, "NEWC") == [
        ("OLDC", UNKNOWN, date(2026, 8, 17), "unknown"),
        ("NEWC", date(2026, 8, 17), None, "vendor"),
    ]
    days = (LATEST - date(2026, 7, 1)).days
    assert len(asked(world, "/v3/reference/tickers")) <= 3 + days.bit_length()


def test_a_ticker_that_changed_hands_is_parted_on_the_day(world: World) -> None:
    ensure(world, "META METV", date(2022, 1, 3), LATEST)
    sync_of(world).observe(date(2022, 5, 2))
    assert history(world, "METV") == [
        ("META", UNKNOWN, date(2022, 1, 31), "unknown"),
        ("METV", date(2022, 1, 31), None, "vendor"),
    ]
    assert history(world, "META")[-1] == ("META", date(2022, 6, 9), None, "vendor")


def test_a_reused_tickers_old_owner_is_another_security(world: World) -> None:
    ensure(world, "RUSE", date(2019, 6, 3), LATEST)
    runs = """
        SELECT valid_from, valid_to, start_known, delisted_on FROM ticker_intervals JOIN securities USING (security_id)
        WHERE ticker = 'RUSE' ORDER BY valid_from
    """
    assert world.query(runs) == [
        (UNKNOWN, date(2019, 7, 1), "unknown", date(2019, 7, 1)),
        (date(2026, 3, 2), None, "vendor", None),
    ]
    newest = read_intervals(world.engine, ["RUSE"])
    assert newest["security_id"].n_unique() == 1


def test_a_delisting_needs_the_vendors_word(world: World) -> None:
    world.simulator.set_now(datetime(2026, 9, 29, 22, tzinfo=UTC))
    sync_of(world).observe(date(2026, 9, 29))
    world.simulator.set_now(world.now)
    world.simulator.install("empty_200", path="*/reference/tickers", ticker="GONE")
    sync_of(world).observe(date(2026, 10, 5))
    assert history(world, "GONE") == [("GONE", UNKNOWN, None, "unknown")], "absence alone proves nothing"
    world.simulator.clear_faults()
    sync_of(world).observe(date(2026, 10, 6))
    assert history(world, "GONE") == [("GONE", UNKNOWN, date(2026, 9, 30), "unknown")]
    assert world.query("SELECT delisted_on, active FROM symbols WHERE symbol = 'GONE'") == [(date(2026, 9, 30), False)]


def test_what_only_an_older_list_shows_is_looked_up_among_the_delisted(world: World) -> None:
    sync_of(world).observe(LATEST)
    sync_of(world).observe(date(2016, 3, 1))
    assert history(world, "GONA") == [("GONA", UNKNOWN, date(2016, 4, 1), "unknown")]
    assert history(world, "GONE") == [("GONE", UNKNOWN, date(2026, 9, 30), "unknown")]


# -- what is refused --------------------------------------------------------------------------------------------------


class Halved(Silent):
    """A source whose whole lists lack every second row."""

    def listings(self, **given: object) -> pl.DataFrame:
        rows: pl.DataFrame = self._source.listings(**given)  # type: ignore[arg-type]
        return rows if given.get("tickers") else rows.gather_every(2)


def test_a_list_that_lacks_half_of_the_market_is_refused_and_nothing_is_changed(world: World) -> None:
    sync_of(world).observe(date(2026, 11, 19))
    before = world.tables()
    broken: MarketSource = Halved(world.source)  # type: ignore[assignment]
    words = r"simulator: the list of 2026-11-20 lacks \d+ of \d+ listed securities \(accepted: at most 10%\)"
    with pytest.raises(MalformedAnswerError, match=words):
        sync_of(world, broken).observe(LATEST)
    assert world.tables() == before
    assert ensure(world, "AAPL", LATEST, LATEST) == [LATEST], "the good list is asked for again"


def test_an_empty_list_of_a_day_with_a_market_is_refused(world: World) -> None:
    world.simulator.install("empty_200", path="*/reference/tickers")
    with pytest.raises(MalformedAnswerError, match="the list of active tickers on 2026-11-20 is empty"):
        sync_of(world).observe(LATEST)
    assert world.query("SELECT count(*) FROM securities") == [(0,)]


# -- files and reading ------------------------------------------------------------------------------------------------


def test_a_files_lists_are_what_its_rows_say(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("files") / "bars.parquet"
    days = [date(2026, 11, day) for day in (16, 17, 18)]
    rows = [{"symbol": "OLD", "date": day} for day in days] + [{"symbol": "NEW", "date": days[2]}]
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 10.0)
    pl.DataFrame([{**row, **prices} for row in rows]).write_parquet(path)
    source = FileSource(path)
    assert sync_of(world, source).ensure(["OLD", "NEW"], days[0], days[2], days[2]) == [days[2], days[0]]
    assert history(world, "OLD") == [("OLD", UNKNOWN, None, "unknown")]
    assert history(world, "NEW") == [("NEW", days[0] + timedelta(days=1), None, "absent_before")]


def test_a_list_of_us_tickers_says_nothing_about_thousands_listed_in_tokyo(world: World) -> None:
    assert sync_of(world).observe(date(2026, 11, 18))
    us = len(read_securities(world.engine, MARKET))
    names = [f"{number}.XTKS" for number in range(1000, 5000)]
    days = {"first": date(2026, 11, 2), "last": LATEST}
    spans = pl.DataFrame({"ticker": names}).with_columns(**{name: pl.lit(day) for name, day in days.items()})
    register_listings(world.engine, market_named("XTKS"), spans, now=world.now)
    tokyo = (
        "SELECT count(*), max(i.valid_to), max(s.delisted_on) FROM ticker_intervals AS i "
        "JOIN securities AS s USING (security_id) WHERE i.ticker LIKE '%.XTKS'"
    )

    sync_of(world).observe(LATEST)  # before, 4,000 of its securities seemed to have vanished, and it was refused

    assert world.query(tokyo) == [(4000, None, None)]
    assert len(read_securities(world.engine, MARKET)) == us
    assert {one.intervals[0].ticker for one in read_securities(world.engine, "XTKS")} == set(names)
    assert read_securities(world.engine, "XLON") == []
    assert not set(names) & set(listed_tickers(world.engine, LATEST)), "us_listed holds no ticker of Tokyo"


def test_reading_gives_back_what_was_written(world: World) -> None:
    ensure(world, "NEWC GONE", date(2026, 7, 1), LATEST)
    securities = {security.intervals[-1].ticker: security for security in read_securities(world.engine, MARKET)}
    assert [run.ticker for run in securities["NEWC"].intervals] == ["OLDC", "NEWC"]
    assert securities["GONE"].delisted_on == date(2026, 9, 30)
    assert securities["AAPL"].identity.startswith("BBG")
    everything = read_intervals(world.engine)
    assert everything.height == sum(len(security.intervals) for security in securities.values())
    some = read_intervals(world.engine, ["OLDC", "AAPL", "NOSUCH"])
    assert some.select("ticker", "valid_to").sort("ticker").rows() == [
        ("AAPL", None), ("NEWC", None), ("OLDC", date(2026, 8, 17)),
    ]  # fmt: skip
    assert read_intervals(world.engine, []).is_empty()
