"""The facts of a session: from stored bars, shares and splits as they were known to the market then."""
# ruff: noqa: S608 - every text that is put into a statement stands in this module

from datetime import date

import pytest

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.facts import read_facts
from tickstock_dagster.core.universes.facts import FACT_SCHEMA
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, THU, TUE, WED, add_security, query

BAR = "({security}, '{day}', 'AAA', '{day}', {close}, {close}, {close}, {close}, {volume}, 's', 'final', now())"


def add_bars(database_url: str, security_id: int, bars: dict[date, tuple[float, int]]) -> None:
    rows = [
        BAR.format(security=security_id, day=day, close=close, volume=volume) for day, (close, volume) in bars.items()
    ]
    query(
        database_url,
        "INSERT INTO ohlcv_daily (security_id, session, ticker, closes_at, open, high, low, close, volume, source, "
        f"status, loaded_at) VALUES {', '.join(rows)}",
    )


def add_split(database_url: str, security_id: int, ex_date: date, old: int, new: int) -> None:
    query(
        database_url,
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, "
        f"known_from) VALUES ({security_id}, 'AAA', 'split', 'k', '{ex_date}', {old}, {new}, 's', '2026-01-01')",
    )


def facts_of(database_url: str, security_id: int, session: date) -> dict:
    rows = read_facts(open_engine(database_url), session)
    [row] = [row for row in rows.iter_rows(named=True) if row["security_id"] == security_id]
    return row


def test_a_security_of_which_nothing_is_known_has_its_row_of_nulls(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    row = facts_of(migrated_database_url, security_id, FRI)
    known = {name for name, value in row.items() if value is not None}
    assert known == {"security_id", "ticker", "name", "bars20", "validation", "validation_reason"}
    assert (row["validation"], row["validation_reason"]) == ("passes", "its type has no rules")
    assert row["bars20"] == 0
    assert dict(read_facts(open_engine(migrated_database_url), FRI).schema) == FACT_SCHEMA


def test_volume_is_averaged_over_the_last_twenty_sessions_that_have_a_bar(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    old, first_of_twenty = date(2026, 10, 22), date(2026, 10, 26)
    add_bars(migrated_database_url, security_id, {old: (1, 10**9), first_of_twenty: (10, 100), THU: (20, 300)})
    row = facts_of(migrated_database_url, security_id, FRI)
    assert (row["bars20"], row["adv20_shares"], row["adv20_usd"], row["close"]) == (2, 200, 3500, 20)


def test_volume_is_averaged_in_the_shares_of_the_session_itself(migrated_database_url: str) -> None:
    """Two for one on Wednesday: 100 shares of Tuesday are 200 of Thursday, and were worth as much."""
    security_id = add_security(migrated_database_url, "AAA")
    add_bars(migrated_database_url, security_id, {TUE: (40, 100), WED: (20, 300), THU: (20, 300)})
    for ex_date in (WED, FRI):
        add_split(migrated_database_url, security_id, ex_date, 1, 2)
    before, after, later = (facts_of(migrated_database_url, security_id, day) for day in (TUE, THU, FRI))
    assert (before["adv20_shares"], before["adv20_usd"]) == (100, 4000)
    assert (after["adv20_shares"], after["adv20_usd"]) == (pytest.approx(800 / 3), pytest.approx(16_000 / 3))
    assert later["adv20_shares"] == pytest.approx(1600 / 3), "Friday's split counts from Friday on"


@pytest.mark.parametrize(("last", "close"), [(date(2026, 11, 13), 10.0), (date(2026, 11, 12), None)])
def test_a_close_is_no_older_than_five_sessions(migrated_database_url: str, last: date, close: float | None) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    add_bars(migrated_database_url, security_id, {last: (10, 100)})
    assert facts_of(migrated_database_url, security_id, FRI)["close"] == close


def test_nothing_of_a_later_day_is_used(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    add_bars(migrated_database_url, security_id, {MON: (10, 100), THU: (99, 10**6)})
    query(
        migrated_database_url,
        f"INSERT INTO security_shares VALUES ({security_id}, '{MON}', 1000, 's', now()), "
        f"({security_id}, '{THU}', 77, 's', now()), ({security_id}, '2026-01-02', 5, 's', now())",
    )
    row = facts_of(migrated_database_url, security_id, WED)
    assert (row["close"], row["shares"], row["market_cap"], row["bars20"]) == (10, 1000, 10_000, 1)


def test_shares_are_scaled_by_splits_between_their_day_and_the_session(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    add_bars(migrated_database_url, security_id, {TUE: (50, 100)})
    query(migrated_database_url, f"INSERT INTO security_shares VALUES ({security_id}, '{MON}', 1000, 's', now())")
    for day, old, new, known_to in (
        (MON, 1, 7, "NULL"),
        (TUE, 1, 2, "NULL"),
        (TUE, 1, 5, "now()"),
        (THU, 1, 3, "NULL"),
    ):
        query(
            migrated_database_url,
            "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, "
            f"known_from, known_to) VALUES ({security_id}, 'AAA', 'split', 'k', '{day}', {old}, {new}, 's', "
            f"'2026-01-01', {known_to})",
        )
    row = facts_of(migrated_database_url, security_id, WED)
    assert (row["shares"], row["market_cap"]) == (2000, 100_000)


def test_a_close_from_before_a_split_counts_the_shares_of_then(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    add_bars(migrated_database_url, security_id, {TUE: (50, 100)})
    query(
        migrated_database_url,
        f"INSERT INTO security_shares VALUES ({security_id}, '{MON}', 1000, 's', now()); "
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source, "
        f"known_from) VALUES ({security_id}, 'AAA', 'split', 'k', '{WED}', 1, 10, 's', '2026-01-01')",
    )
    halted = facts_of(migrated_database_url, security_id, WED)
    assert (halted["close"], halted["shares"], halted["market_cap"]) == (50, 10_000, 50_000)


def test_who_is_not_listed_has_no_row_and_who_is_renamed_its_ticker_of_the_day(migrated_database_url: str) -> None:
    renamed = add_security(migrated_database_url, "NEW", since=WED)
    query(
        migrated_database_url,
        "INSERT INTO ticker_intervals "
        f"VALUES ({renamed}, 'OLD', '2020-01-02', '{WED}', 'vendor', '2020-01-02', '{TUE}')",
    )
    late = add_security(migrated_database_url, "LATE", since=THU)
    assert facts_of(migrated_database_url, renamed, TUE)["ticker"] == "OLD"
    assert facts_of(migrated_database_url, renamed, FRI)["ticker"] == "NEW"
    assert late not in read_facts(open_engine(migrated_database_url), WED)["security_id"].to_list()


def test_days_since_listing_are_calendar_days_and_not_known_before_it(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    query(migrated_database_url, "UPDATE securities SET list_date = '2026-11-18', list_date_source = 'vendor'")
    assert facts_of(migrated_database_url, security_id, FRI)["listed_days"] == 2
    assert facts_of(migrated_database_url, security_id, WED)["listed_days"] == 0
    assert facts_of(migrated_database_url, security_id, TUE)["listed_days"] is None


def test_a_holiday_counts_the_sessions_before_it(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "AAA")
    add_bars(migrated_database_url, security_id, {FRI: (10, 100)})
    assert facts_of(migrated_database_url, security_id, date(2026, 11, 22))["close"] == 10


def test_classes_and_costs_of_a_fund_are_read(migrated_database_url: str) -> None:
    security_id = add_security(migrated_database_url, "VUG")
    query(
        migrated_database_url,
        "UPDATE securities SET themes = '{growth,technology}', aum_usd = 1500000000, expense_ratio = 0.0004, "
        "etf_type = 'growth', underlying_index = 'CRSP', correlation_reference = 'SPY', equity_type = 'ETF', cik = '1'",
    )
    row = facts_of(migrated_database_url, security_id, FRI)
    assert (row["themes"], row["aum_usd"], row["expense_ratio"]) == (["growth", "technology"], 1.5e9, 0.0004)
    assert (row["etf_type"], row["underlying_index"], row["correlation_reference"]) == ("growth", "CRSP", "SPY")
