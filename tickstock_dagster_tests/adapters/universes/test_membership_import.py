"""Universes imported as intervals: two clocks, the same again changes nothing, a correction keeps what was known."""

import os
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.universes.membership_import import GivenInterval, Imported, import_intervals
from tickstock_dagster.adapters.universes.membership_store import determined_sessions, explain, members_on
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, add_security, query
from tickstock_dagster_tests.adapters.universes.membership_helpers import determine, tickers_of, versions

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def ids(migrated_database_url: str) -> dict[str, int]:
    return {ticker: add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB", "CCC")}


def take_in(database_url: str, *rows: tuple[int, date, date | None], key: str = "mine", now=NOW) -> Imported:
    lines = [GivenInterval(*row, line) for line, row in enumerate(rows, start=2)]
    with transaction(open_engine(database_url)) as connection:
        return import_intervals(connection, key, lines, title="Mine", reason="from a file", run_id="r", now=now)


def test_intervals_are_members_on_their_sessions_and_told_once(migrated_database_url: str, ids) -> None:
    done = take_in(migrated_database_url, (ids["AAA"], MON, WED), (ids["BBB"], TUE, None), (ids["AAA"], THU, None))
    assert (done.begun, done.retired, done.members) == (3, 0, 2)
    seen = [tickers_of(migrated_database_url, "mine", day) for day in (MON, TUE, WED, THU, FRI)]
    assert seen == [["AAA"], ["AAA", "BBB"], ["BBB"], ["AAA", "BBB"], ["AAA", "BBB"]]
    assert determined_sessions(open_engine(migrated_database_url), "mine") == (MON, TUE, WED, THU)
    entry = "SELECT value, membership, track, last_universe_update FROM cache_entries"
    assert query(migrated_database_url, entry) == [(["AAA", "BBB"], "dated", False, NOW)]
    log = "SELECT session, ticker, change, reason FROM sync_changes_log ORDER BY session, change, ticker"
    assert query(migrated_database_url, log) == [
        (MON, "AAA", "added", "from a file"), (TUE, "BBB", "added", "from a file"),
        (WED, "AAA", "removed", "from a file"), (THU, "AAA", "added", "from a file"),
    ]  # fmt: skip
    told = query(migrated_database_url, "SELECT event -> 'data' -> 'added' FROM outbox")
    assert told == [([{"symbol": ticker, "reason": "from a file"} for ticker in ("AAA", "BBB")],)]
    assert explain(open_engine(migrated_database_url), "AAA", "mine", TUE).until == WED


def test_the_same_intervals_again_change_nothing(migrated_database_url: str, ids) -> None:
    rows = ((ids["AAA"], MON, WED), (ids["BBB"], TUE, None))
    take_in(migrated_database_url, *rows)
    before = versions(migrated_database_url)
    assert take_in(migrated_database_url, *reversed(rows), now=LATER) == Imported(0, 0, 1)
    assert versions(migrated_database_url) == before


def test_a_corrected_import_keeps_what_was_known(migrated_database_url: str, ids) -> None:
    take_in(migrated_database_url, (ids["AAA"], MON, WED), (ids["BBB"], TUE, None))
    done = take_in(migrated_database_url, (ids["AAA"], MON, THU), (ids["CCC"], TUE, None), now=LATER)
    assert (done.begun, done.retired, done.members) == (2, 2, 1)
    assert tickers_of(migrated_database_url, "mine", WED) == ["AAA", "CCC"]
    assert tickers_of(migrated_database_url, "mine", WED, known_at=NOW) == ["BBB"]
    log = "SELECT session, ticker, change, reason FROM sync_changes_log WHERE changed_at = %s ORDER BY change_id"
    assert query(migrated_database_url, log, (LATER,)) == [
        (THU, "AAA", "removed", "from a file"), (TUE, "CCC", "added", "from a file"),
        (TUE, "BBB", "removed", "withdrawn: 2026-11-17 to now; from a file"),
    ]  # fmt: skip
    assert query(migrated_database_url, "SELECT count(DISTINCT event_id), count(*) FROM outbox") == [(2, 2)]


def test_an_import_and_a_determination_go_together(migrated_database_url: str, ids) -> None:
    take_in(migrated_database_url, (ids["AAA"], MON, THU), (ids["BBB"], TUE, None))
    determine(migrated_database_url, "mine", WED, [ids["CCC"]], now=LATER)
    seen = [tickers_of(migrated_database_url, "mine", day) for day in (MON, TUE, WED, THU)]
    assert seen == [["AAA"], ["AAA", "BBB"], ["CCC"], ["BBB"]]
    take_in(migrated_database_url, (ids["AAA"], MON, THU), (ids["BBB"], TUE, None), now=LATER)
    assert tickers_of(migrated_database_url, "mine", WED) == ["AAA", "BBB"]


def test_overlaps_an_empty_end_and_a_list_of_that_name_are_refused(migrated_database_url: str, ids) -> None:
    write_universe(open_engine(migrated_database_url), "plain", "list", "Plain", ["AAA"], track_from=None, now=NOW)
    before = versions(migrated_database_url)
    with pytest.raises(BadInputError, match="lines 2 and 3"):
        take_in(migrated_database_url, (ids["AAA"], MON, THU), (ids["AAA"], WED, None))
    with pytest.raises(BadInputError, match="mine would be empty"):
        take_in(migrated_database_url, (ids["AAA"], MON, THU))
    with pytest.raises(BadInputError, match="mine would be empty"):
        take_in(migrated_database_url)
    with pytest.raises(BadInputError, match="universe 'plain' is not accepted: a new name"):
        take_in(migrated_database_url, (ids["AAA"], MON, None), key="plain")
    assert versions(migrated_database_url) == before


@pytest.mark.real_data
def test_a_real_index_has_its_members_on_dates_spread_over_the_years(migrated_database_url: str) -> None:
    """Every row becomes a membership; the members of ten dates are those that the file itself says."""
    folder = os.environ.get("TICKSTOCK_REAL_DATA")
    files = sorted(Path(folder or "missing").glob("sp500_membership/*start_end*.csv"))
    if not files:
        pytest.skip("no folder with real memberships")
    table = pl.read_csv(files[0], try_parse_dates=True)
    ticker, start, end = table.columns[:3]
    rows = table.select(pl.col(ticker).alias("ticker"), pl.col(start).alias("start"), pl.col(end).alias("end"))
    names = rows["ticker"].unique(maintain_order=True).to_list()
    query(
        migrated_database_url,
        "WITH made AS (INSERT INTO securities (name, updated_at) SELECT t, now() FROM unnest(%s::text[]) AS t "
        "RETURNING security_id, name) INSERT INTO ticker_intervals "
        "SELECT security_id, name, '1900-01-01', NULL, 'unknown', '1900-01-01', '1900-01-01' FROM made",
        (names,),
    )
    ids = dict(query(migrated_database_url, "SELECT name, security_id FROM securities"))
    given = [(ids[row[0]], row[1], row[2]) for row in rows.iter_rows()]
    first = take_in(migrated_database_url, *given)
    assert first.begun > len(names) - 1
    before = versions(migrated_database_url)
    assert take_in(migrated_database_url, *given, now=LATER).begun == 0
    assert versions(migrated_database_url) == before
    for year in range(2000, 2020, 2):
        day = date(year, 6, 15)
        expected = rows.filter((pl.col("start") <= day) & (pl.col("end").is_null() | (pl.col("end") > day)))["ticker"]
        found = members_on(open_engine(migrated_database_url), "mine", day)["ticker"]
        assert sorted(found.to_list()) == sorted(expected.to_list())
        assert 480 <= len(found) <= 510
