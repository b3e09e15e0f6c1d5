"""Universes in `cache_entries`: made, replaced, tracked, and read in their order."""

from datetime import date, timedelta

import psycopg
import pytest

from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.store import (
    LISTED,
    expect_from,
    track_listed,
    track_profile,
    universe_tickers,
    write_universe,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.profiles import profile_named
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, add_security, query

LATER = NOW + timedelta(days=1)
ROW = "SELECT key, type, name, value, track, last_universe_update, created_at, updated_at FROM cache_entries"


def write(database_url: str, key: str, *tickers: str, track: bool = True, title: str = "Mine", day: int = 0) -> None:
    now = NOW + timedelta(days=day)
    write_universe(open_engine(database_url), key, "list", title, tickers, track_from=MON if track else None, now=now)


def test_a_universe_keeps_its_order_and_awkward_tickers(migrated_database_url: str) -> None:
    tickers = ("TRUE", "NA", "BRK.B", "AAPL", "NULL", '"')
    write(migrated_database_url, "mine", *tickers)
    assert universe_tickers(open_engine(migrated_database_url), "mine") == tickers
    assert query(migrated_database_url, ROW) == [("mine", "list", "Mine", list(tickers), True, NOW, NOW, NOW)]


def test_the_same_universe_again_writes_nothing(migrated_database_url: str) -> None:
    write(migrated_database_url, "mine", "AAA", "BBB")
    version = query(migrated_database_url, "SELECT xmin::text, ctid::text FROM cache_entries")
    write(migrated_database_url, "mine", "AAA", "BBB", day=1)
    assert query(migrated_database_url, "SELECT xmin::text, ctid::text FROM cache_entries") == version


def test_replaced_members_say_when_and_another_name_does_not(migrated_database_url: str) -> None:
    write(migrated_database_url, "mine", "AAA", "BBB")
    write(migrated_database_url, "mine", "AAA", "BBB", title="Ours", day=1)
    assert query(migrated_database_url, ROW)[0][5:] == (NOW, NOW, LATER)
    write(migrated_database_url, "mine", "BBB", "AAA", title="Ours", day=1)
    assert query(migrated_database_url, ROW)[0][3:] == (["BBB", "AAA"], True, LATER, NOW, LATER)


def test_tracked_is_every_member_of_a_tracked_universe_once(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    assert tracked_tickers(engine) == ()
    write(migrated_database_url, "b", "SPY", "AAA", "QQQ")
    write(migrated_database_url, "a", "MSFT", "SPY")
    write(migrated_database_url, "c", "ZZZ", track=False)
    assert tracked_tickers(engine) == ("MSFT", "SPY", "AAA", "QQQ")
    write(migrated_database_url, "a", "MSFT", "SPY", track=False)
    assert tracked_tickers(engine) == ("SPY", "AAA", "QQQ")


def test_an_unknown_and_an_empty_universe_are_refused_by_name(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    write(migrated_database_url, "etf_growth", "VUG")
    with pytest.raises(BadInputError, match="members of empty 'none' is not accepted: at least one ticker"):
        write(migrated_database_url, "empty")
    with pytest.raises(BadInputError, match=r"universe 'etf_grow' is not accepted: did you mean etf_growth\?"):
        universe_tickers(engine, "etf_grow")
    assert query(migrated_database_url, "SELECT key FROM cache_entries") == [("etf_growth",)]


def test_a_profile_is_tracked_as_a_universe_of_its_own(migrated_database_url: str) -> None:
    engine, profile = open_engine(migrated_database_url), profile_named("ui_testing")
    for _ in range(2):
        track_profile(engine, profile, track_from=FRI, now=NOW)
    assert tracked_tickers(engine) == profile.tickers
    assert universe_tickers(engine, profile.universe) == profile.tickers


def first_sessions(url: str) -> dict[str, date | None]:
    return dict(query(url, "SELECT key, track_from FROM cache_entries"))  # type: ignore[arg-type]


def test_a_list_that_is_tracked_moves_its_first_session_only_to_adjoining_earlier_ones(
    migrated_database_url: str,
) -> None:
    engine, url = open_engine(migrated_database_url), migrated_database_url

    def track(first: date, reach: date | None = None) -> date | None:
        write_universe(engine, "mine", "list", "Mine", ["AAA"], track_from=first, reach=reach, now=NOW)
        return first_sessions(url)["mine"]

    assert track(WED) == WED
    assert track(FRI) == WED, "a later load asks for nothing more"
    assert track(MON) == WED, "whoever tracks it again moves nothing"
    assert track(MON, TUE) == WED, "Tuesday was not asked for"
    assert track(MON, WED) == MON
    with pytest.raises(psycopg.errors.CheckViolation, match="tracked_from_a_session"):
        query(url, "UPDATE cache_entries SET track_from = NULL")
    write_universe(engine, "mine", "list", "Mine", ["AAA"], track_from=None, now=NOW)
    assert (tracked_tickers(engine), first_sessions(url)) == ((), {"mine": MON}), "kept while it is not tracked"
    assert track(THU) == MON


def test_a_load_of_everything_tracked_is_expected_where_it_leaves_no_hole(migrated_database_url: str) -> None:
    engine, url = open_engine(migrated_database_url), migrated_database_url
    for key, first in {"late": THU, "later": FRI, "early": MON, "idle": None}.items():
        write_universe(engine, key, "list", key, ["AAA"], track_from=first, now=NOW)
    assert expect_from(engine, TUE, THU, now=LATER) == 1
    assert first_sessions(url) == {"late": TUE, "later": FRI, "early": MON, "idle": None}
    assert expect_from(engine, date(2026, 11, 2), FRI, universe="later", now=LATER) == 1
    assert first_sessions(url)["late"] == TUE


def test_what_is_listed_on_a_session_is_tracked_by_ticker(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    for ticker in ("BBB", "AAA"):
        add_security(migrated_database_url, ticker)
    gone = add_security(migrated_database_url, "GONE")
    query(
        migrated_database_url,
        "UPDATE ticker_intervals SET valid_to = '2026-09-30', seen_to = '2026-09-29' WHERE security_id = %s",
        (gone,),
    )
    add_security(migrated_database_url, "LATE", since=FRI)
    assert track_listed(engine, FRI, track_from=FRI, now=NOW) == ("AAA", "BBB", "LATE")
    assert track_listed(engine, date(2026, 9, 29), track_from=FRI, now=NOW) == ("AAA", "BBB", "GONE")
    assert universe_tickers(engine, LISTED) == ("AAA", "BBB", "GONE")
    assert track_listed(engine, date(2026, 12, 1), track_from=FRI, now=NOW) == (), "no list of that day was taken in"
