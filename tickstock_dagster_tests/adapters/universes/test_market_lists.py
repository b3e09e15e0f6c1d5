"""A market's universe grows with its files, and the markets leave one another's universes alone."""

from datetime import date

import polars as pl
import pytest
import sqlalchemy as sa

from tickstock_dagster.adapters.bars.reconcile import pending_reconciles
from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.tracked import tracked_state, tracked_tickers, unknown_tickers
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.securities.market_store import register_listings
from tickstock_dagster.adapters.universes.market_lists import is_tracked, market_universe, track_market
from tickstock_dagster.adapters.universes.store import expect_from, universe_tickers, write_universe
from tickstock_dagster.adapters.universes.sync_reading import universe_keys
from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, add_security, bar, batch, query

KEY = market_universe("XTKS")
TOYOTA, SONY = "7203.XTKS", "6758.XTKS"
FIRSTS = "SELECT key, track_from FROM cache_entries ORDER BY key"


def read(engine: sa.Engine, *tickers: str, first: date | None, reach: date = FRI) -> None:
    """What a load from a file with some tickers leaves."""
    ordered = sorted(tickers)
    spans = pl.DataFrame({"ticker": ordered, "first": [MON] * len(ordered), "last": [THU] * len(ordered)})
    register_listings(engine, market_named("XTKS"), spans, now=NOW)
    track_market(engine, "XTKS", ordered, track_from=first, reach=reach, now=NOW)


@pytest.fixture
def store(migrated_database_url: str) -> sa.Engine:
    """A US list and a universe of Tokyo, tracked from Thursday and from Tuesday on."""
    engine = open_engine(migrated_database_url)
    add_security(migrated_database_url, "AAA")
    write_universe(engine, "mine", "list", "mine", ("AAA",), track_from=THU, now=NOW)
    read(engine, TOYOTA, SONY, first=TUE)
    return engine


def test_a_file_adds_members_and_ends_no_membership(store: sa.Engine) -> None:
    read(store, "285A.XTKS", first=None)
    assert universe_tickers(store, KEY) == (SONY, TOYOTA, "285A.XTKS")


def test_the_first_session_is_that_of_the_first_load_and_a_longer_load_moves_it(
    store: sa.Engine, migrated_database_url: str
) -> None:
    read(store, TOYOTA, first=THU)
    read(store, TOYOTA, first=None)
    assert query(migrated_database_url, FIRSTS) == [(KEY, TUE), ("mine", THU)]
    read(store, TOYOTA, first=MON, reach=FRI)
    assert query(migrated_database_url, FIRSTS) == [(KEY, MON), ("mine", THU)]


def test_a_universe_that_somebody_untracked_stays_so(store: sa.Engine, migrated_database_url: str) -> None:
    assert is_tracked(store, "listed_xlon") is None
    query(migrated_database_url, "UPDATE cache_entries SET track = false WHERE key = %s", (KEY,))
    read(store, TOYOTA, first=MON)
    assert is_tracked(store, KEY) is False


def test_each_market_tracks_its_own(store: sa.Engine) -> None:
    assert tracked_tickers(store) == ("AAA",)
    assert tracked_tickers(store, market="XTKS") == (SONY, TOYOTA)
    assert (unknown_tickers(store), unknown_tickers(store, "XTKS"), unknown_tickers(store, "XLON")) == ((), (), ())
    assert tracked_state(store, TUE) is None, "Tokyo's universe says nothing about New York"
    state = tracked_state(store, TUE, market="XTKS")
    assert state is not None
    assert (state.expected, state.missing) == (2, 2)
    assert tracked_state(store, FRI, market="XLON") is None
    assert universe_keys(store) == ("mine",)


def test_a_load_of_one_market_moves_no_other(store: sa.Engine, migrated_database_url: str) -> None:
    assert expect_from(store, MON, FRI, now=NOW) == 1
    assert query(migrated_database_url, FIRSTS) == [(KEY, TUE), ("mine", MON)]
    write_universe(store, "mixed", "list", "mixed", ("AAA", TOYOTA), track_from=FRI, now=NOW)
    assert expect_from(store, MON, FRI, market="XTKS", now=NOW) == 2
    assert query(migrated_database_url, FIRSTS) == [(KEY, MON), ("mine", MON), ("mixed", MON)]


def test_bars_of_tokyo_are_no_reconcile_of_new_york(store: sa.Engine, migrated_database_url: str) -> None:
    [(toyota,)] = query(migrated_database_url, "SELECT security_id FROM ticker_intervals WHERE ticker = '7203.XTKS'")
    store_batch(store, batch(bar(toyota, THU, TOYOTA, status="provisional")))
    query(migrated_database_url, "UPDATE cache_entries SET track = false")
    assert pending_reconciles(store, library_calendar("XNYS"), MON, FRI) == {}
    assert pending_reconciles(store, library_calendar("XTKS"), MON, FRI).keys() == {THU}
