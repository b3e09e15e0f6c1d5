"""What the asset checks ask the store: each question must be able to find something."""

from datetime import date, timedelta

import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.tracked import next_retry, tracked_state
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.quality.table_checks import (
    broken_invariants,
    column_differences,
    duplicate_keys,
    off_session,
)
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.overrides import CalendarOverride
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, add_security, bar, batch, query

LONG_AGO = date(2000, 1, 3)
COLUMNS = {"key": "text", "track": "boolean"}


def columns_of(database_url: str, table: str) -> dict[str, str]:
    text = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
    return dict(query(database_url, text, (table,)))


def gap(
    security_id: int, session: date, ticker: str = "AAA", reason: str = "vendor_missing", hours: int = 1
) -> dict[str, object]:
    retry_at = None if reason == "no_trade" else NOW + timedelta(hours=hours)
    values = {"ticker": ticker, "reason": reason, "evidence": "because", "retry_at": retry_at}
    return {"security_id": security_id, "session": session, **values}


def track(database_url: str, *tickers: str) -> None:
    write_universe(open_engine(database_url), "mine", "list", "Mine", tickers, track_from=MON, now=NOW)


def test_a_table_as_described_has_no_differences(migrated_database_url: str) -> None:
    described = columns_of(migrated_database_url, "ohlcv_daily")
    assert column_differences(open_engine(migrated_database_url), "ohlcv_daily", described).count == 0


def test_a_missing_a_surplus_and_a_changed_column_are_named(migrated_database_url: str) -> None:
    engine, described = open_engine(migrated_database_url), columns_of(migrated_database_url, "ohlcv_daily")
    query(migrated_database_url, "ALTER TABLE ohlcv_daily ADD COLUMN mine integer")
    query(migrated_database_url, "ALTER TABLE ohlcv_daily DROP COLUMN vwap CASCADE")
    query(migrated_database_url, "ALTER TABLE ohlcv_daily ALTER COLUMN source TYPE varchar(9)")
    found = column_differences(engine, "ohlcv_daily", described)
    assert (found.count, found.sample) == (
        3,
        (
            "mine: integer instead of nothing",
            "source: character varying instead of text",
            "vwap: missing instead of numeric",
        ),
    )
    assert column_differences(engine, "never_made", COLUMNS).count == 2


def test_the_primary_key_and_two_rows_of_one_cell_are_noticed(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    security_id = add_security(migrated_database_url, "AAA")
    store_batch(engine, batch(bar(security_id, THU), bar(security_id, FRI)))
    assert duplicate_keys(engine, LONG_AGO).count == 0
    query(migrated_database_url, "ALTER TABLE ohlcv_daily DROP CONSTRAINT ohlcv_daily_pkey CASCADE")
    assert duplicate_keys(engine, LONG_AGO).sample == ("primary key (security_id, session) is missing or not valid",)
    copy = "INSERT INTO ohlcv_daily SELECT * FROM ohlcv_daily WHERE session = %s"
    query(migrated_database_url, copy, (THU,))
    query(
        migrated_database_url, "UPDATE ohlcv_daily SET ticker = 'BBB' WHERE ctid = (SELECT max(ctid) FROM ohlcv_daily)"
    )
    assert duplicate_keys(engine, LONG_AGO).sample[1:] == ("AAA, BBB 2026-11-19: 2 rows",)
    assert duplicate_keys(engine, FRI).count == 1, "older rows are not looked at"


def test_bars_of_a_day_that_was_removed_from_the_calendar_are_named(migrated_database_url: str) -> None:
    engine, calendar = open_engine(migrated_database_url), library_calendar("XNYS")
    ids = [add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB")]
    store_batch(engine, batch(*(bar(one, day) for one in ids for day in (THU, FRI))))
    assert off_session(engine, calendar, THU, FRI).count == 0
    removed = calendar.with_overrides([CalendarOverride("XNYS", THU, "remove", reason="a day of mourning")])
    assert off_session(engine, removed, THU, FRI).count == 2
    assert off_session(engine, removed, THU, FRI).sample == ("2026-11-19 is no session: 2 bars, AAA among them",)
    assert off_session(engine, removed, FRI, FRI).count == 0, "older rows are not looked at"
    query(migrated_database_url, "UPDATE securities SET primary_exchange = 'XTKS'")
    assert off_session(engine, removed, THU, FRI).count == 0, "another market has its own calendar"


@pytest.mark.parametrize(
    "name",
    [
        "printed_or_fmv",
        "prices_positive",
        "high_not_below_low",
        "open_inside",
        "close_inside",
        "volume_not_negative",
        "volume_printed_near",
    ],
)
def test_an_invariant_whose_constraint_is_gone_is_named(migrated_database_url: str, name: str) -> None:
    engine = open_engine(migrated_database_url)
    assert broken_invariants(engine, LONG_AGO).count == 0
    query(migrated_database_url, f"ALTER TABLE ohlcv_daily DROP CONSTRAINT ohlcv_daily_{name}")
    assert broken_invariants(engine, LONG_AGO).sample == (f"constraint ohlcv_daily_{name} is missing or not validated",)


def test_a_row_that_breaks_an_invariant_is_shown_with_its_values(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    security_id = add_security(migrated_database_url, "AAA")
    store_batch(engine, batch(bar(security_id, THU), bar(security_id, FRI)))
    for name in ("high_not_below_low", "open_inside", "close_inside", "printed_or_fmv"):
        query(migrated_database_url, f"ALTER TABLE ohlcv_daily DROP CONSTRAINT ohlcv_daily_{name}")
    query(migrated_database_url, "UPDATE ohlcv_daily SET high = 1 WHERE session = %s", (THU,))
    query(migrated_database_url, "UPDATE ohlcv_daily SET close = NULL WHERE session = %s", (FRI,))
    found = broken_invariants(engine, LONG_AGO)
    assert found.count == 6
    assert sorted(found.sample)[:2] == [
        "AAA 2026-11-19: O 10.000000 H 1.000000 L 9.000000 C 11.000000 V 1000",
        "AAA 2026-11-20: O 10.000000 H 12.000000 L 9.000000 C missing V 1000",
    ]


def test_the_state_of_a_session_counts_what_is_tracked(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    assert tracked_state(engine, FRI) is None
    ids = [add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB", "CCC", "DDD", "EEE")]
    track(migrated_database_url, "AAA", "BBB", "CCC", "DDD")
    gaps = [gap(ids[1], FRI, "BBB", "no_trade"), gap(ids[2], FRI, "CCC")]
    store_batch(engine, batch(bar(ids[0]), bar(ids[4], FRI, "EEE"), gaps=gaps))
    state = tracked_state(engine, FRI)
    assert state is not None
    assert (state.expected, state.stored, state.final, state.missing) == (4, 1, 1, 2)
    assert tracked_state(engine, date(2019, 1, 2)) is None, "nothing is tracked on a session before the first"


def test_the_next_retry_of_a_session_is_its_first_open_gap(migrated_database_url: str) -> None:
    engine = open_engine(migrated_database_url)
    ids = [add_security(migrated_database_url, ticker) for ticker in ("AAA", "BBB", "CCC")]
    ids.append(add_security(migrated_database_url, "IDLE"))
    track(migrated_database_url, "AAA", "BBB", "CCC")
    assert next_retry(engine, FRI) is None
    gaps = [gap(ids[0], FRI, hours=5), gap(ids[1], FRI, "BBB", hours=2), gap(ids[2], FRI, "CCC", "no_trade")]
    store_batch(engine, batch(gaps=[*gaps, gap(ids[0], THU), gap(ids[3], FRI, "IDLE", hours=1)]))
    assert next_retry(engine, FRI) == NOW + timedelta(hours=2), "nobody waits for what is not tracked"
