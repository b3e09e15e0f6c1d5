"""Each check of `ohlcv_daily` fails when it should, in the right colour, with value, threshold and sample."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster_tests.adapters.store_helpers import add_security, bar, batch
from tickstock_dagster_tests.defs.factory import FEW, FRI, MON, SUNDAY, THU, Factory, checks_of, red_checks

FRIDAY_BEFORE_IT_IS_DUE = datetime(2026, 11, 20, 22, 59, tzinfo=UTC)
FRIDAY_WHEN_IT_IS_DUE = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)


@pytest.fixture
def loaded(factory: Factory) -> Factory:
    """The sessions up to Friday are stored, and every check is green."""
    factory.track()
    assert red_checks(factory.run("us_eod", THU, FRI)) == {}
    return factory


def test_a_surplus_a_missing_and_a_changed_column_are_named(loaded: Factory) -> None:
    loaded.execute("ALTER TABLE ohlcv_daily ADD COLUMN mood text")
    loaded.execute("ALTER TABLE ohlcv_daily ALTER COLUMN transactions TYPE numeric")
    result = loaded.run("us_bar_checks")
    assert red_checks(result) == {"table_schema": "ERROR"}
    metadata = checks_of(result)["table_schema"].metadata
    assert (metadata["value"].value, metadata["threshold"].value) == (2, 0)
    assert metadata["sample"].value == "- mood: text instead of nothing\n- transactions: numeric instead of bigint"


def test_a_missing_primary_key_and_double_rows_are_named(loaded: Factory) -> None:
    loaded.execute("ALTER TABLE ohlcv_daily DROP CONSTRAINT ohlcv_daily_pkey")
    loaded.execute("INSERT INTO ohlcv_daily SELECT * FROM ohlcv_daily WHERE ticker = 'AAPL' AND session = '2026-11-20'")
    result = loaded.run("us_bar_checks")
    assert red_checks(result) == {"unique_keys": "ERROR"}
    metadata = checks_of(result)["unique_keys"].metadata
    assert metadata["value"].value == 2
    assert metadata["sample"].value.splitlines() == [
        "- primary key (security_id, session) is missing or not valid",
        "- AAPL 2026-11-20: 2 rows",
    ]


def test_a_dropped_constraint_and_the_row_that_used_the_chance_are_named(loaded: Factory) -> None:
    loaded.execute("ALTER TABLE ohlcv_daily DROP CONSTRAINT ohlcv_daily_high_not_below_low")
    loaded.execute("ALTER TABLE ohlcv_daily DROP CONSTRAINT ohlcv_daily_open_inside")
    loaded.execute("ALTER TABLE ohlcv_daily DROP CONSTRAINT ohlcv_daily_close_inside")
    loaded.execute(
        "UPDATE ohlcv_daily SET open = 10, high = 9, low = 11, close = 10 "
        "WHERE ticker = 'SPY' AND session = '2026-11-20'"
    )
    result = loaded.run("us_bar_checks")
    assert red_checks(result) == {"ohlc_invariants": "ERROR"}
    metadata = checks_of(result)["ohlc_invariants"].metadata
    assert metadata["value"].value == 4
    assert "constraint ohlcv_daily_high_not_below_low is missing or not validated" in metadata["sample"].value
    assert "SPY 2026-11-20: O 10.000000 H 9.000000 L 11.000000 C 10.000000" in metadata["sample"].value


def test_a_broken_table_fails_the_run_and_keeps_no_corporate_action_back(loaded: Factory) -> None:
    loaded.execute("ALTER TABLE ohlcv_daily ADD COLUMN mood text")
    result = loaded.run("us_eod", MON)
    assert not result.success
    assert red_checks(result) == {"table_schema": "ERROR"}
    assert "2026-11-16" in loaded.materialised("session_bars")
    assert "2026-11-16" in loaded.materialised("corporate_actions")


def test_an_open_gap_of_any_session_is_a_warning_however_old_the_runs_partition(loaded: Factory) -> None:
    loaded.execute("DELETE FROM ohlcv_daily WHERE ticker = 'MSFT' AND session = '2026-11-19'")
    loaded.execute(
        "INSERT INTO bar_gaps (security_id, session, ticker, reason, evidence, source, noticed_at, retry_at) "
        "SELECT security_id, '2026-11-19', 'MSFT', 'vendor_missing', 'none came', 'tests', now(), 'infinity' "
        "FROM ticker_intervals WHERE ticker = 'MSFT'"
    )
    result = loaded.run("us_eod", date(2026, 10, 1))
    assert red_checks(result) == {"session_complete": "WARN"}
    metadata = checks_of(result)["session_complete"].metadata
    assert (metadata["value"].value, metadata["threshold"].value) == (1, 0)
    assert metadata["newest"].value.splitlines()[-1] == "| 2026-11-19 | MSFT | vendor_missing | none came |"


def test_a_gap_of_something_that_is_not_tracked_warns_nobody(loaded: Factory) -> None:
    loaded.execute(
        "INSERT INTO bar_gaps (security_id, session, ticker, reason, evidence, source, noticed_at, retry_at) "
        "SELECT security_id, '2026-11-19', 'KO', 'vendor_missing', 'none came', 'tests', now(), 'infinity' "
        "FROM ticker_intervals WHERE ticker = 'KO'"
    )
    assert red_checks(loaded.run("us_bar_checks")) == {}


def test_the_latest_session_is_missed_from_the_moment_on_at_which_it_is_due(loaded: Factory) -> None:
    loaded.execute("DELETE FROM ohlcv_daily WHERE session = '2026-11-20'")
    before = loaded.run("us_bar_checks", now=FRIDAY_BEFORE_IT_IS_DUE)
    assert checks_of(before)["latest_session_present"].metadata["session"].value == "2026-11-19"
    assert red_checks(before) == {}
    result = loaded.run("us_bar_checks", now=FRIDAY_WHEN_IT_IS_DUE)
    assert red_checks(result) == {"latest_session_present": "ERROR", "session_complete": "WARN"}
    metadata = {name: value.value for name, value in checks_of(result)["latest_session_present"].metadata.items()}
    assert metadata == {"session": "2026-11-20", "value": 0.0, "threshold": 0.95, "stored": 0, "expected": len(FEW)}


def test_a_backfill_of_an_old_session_does_not_paint_over_a_missing_latest_one(factory: Factory) -> None:
    factory.track()
    assert red_checks(factory.run("us_eod", date(2014, 6, 2))) == {
        "latest_session_present": "ERROR",
        "session_complete": "WARN",
    }


def test_nothing_tracked_is_not_green(factory: Factory) -> None:
    result = factory.run("us_bar_checks", now=SUNDAY)
    assert result.success
    assert red_checks(result) == {"latest_session_present": "ERROR"}


@pytest.fixture
def abroad(factory: Factory) -> Factory:
    """62 sessions up to 2026-05-04 of EFA and of three funds that follow it, and then jump by 5 % on one day."""
    days = library_calendar("XNYS").sessions(date(2026, 1, 2), date(2026, 5, 4))[-63:]
    wobble = [1 + 0.01 * ((place * 7) % 5 - 2) for place in range(len(days))]
    names = {"EFA": "EAFE", "EWJ": "Japan", "EWU": "United Kingdom", "EWG": "Germany"}
    rows = []
    for number, (ticker, name) in enumerate(names.items()):
        security = add_security(factory.database_url, ticker)
        factory.execute(
            "UPDATE securities SET etf_type = 'international', name = %s, correlation_reference = %s "
            "WHERE security_id = %s",
            f"iShares MSCI {name} ETF",
            "SPY" if ticker == "EFA" else "EFA",
            security,
        )
        for place, day in enumerate(days):
            noise = 1 + 0.0005 * ((place * (number + 3)) % 7 - 3)
            jump = 1.05 if ticker != "EFA" and day == days[-1] else 1.0
            price = round(100 * wobble[place] * noise * jump, 4)
            rows.append(bar(security, day, ticker, **dict.fromkeys(("open", "high", "low", "close"), price)))
    store_batch(factory.engine, batch(*rows))
    return factory


def tracking(factory: Factory, now: datetime) -> tuple[bool, dict[str, Any]]:
    """Whether `etf_tracking` is green at a moment, and its metadata."""
    check = checks_of(factory.run("us_bar_checks", now=now))["etf_tracking"]
    return check.passed, {name: value.value for name, value in check.metadata.items()}


def test_an_etf_whose_home_was_closed_alarms_nobody_and_the_one_whose_home_traded_does(abroad: Factory) -> None:
    passed, found = tracking(abroad, datetime(2026, 5, 4, 22, 30, tzinfo=UTC))
    assert not passed
    assert (found["session"], found["judged"], found["value"], found["explained"]) == ("2026-05-04", 3, 1, 2)
    alarms = found["far"].splitlines()[2:]
    assert len(alarms) == 1
    assert alarms[0].startswith("| EWG | EFA | ")
    assert alarms[0].endswith("| Xetra: NAV as of 2026-05-04, 4.5 h old |")
    assert found["home_closed"].splitlines() == [
        "- EWJ (explained): home closed (Tokyo Stock Exchange): NAV as of 2026-05-01, 85.5 h old, stale",
        "- EWU (explained): home closed (London Stock Exchange): NAV as of 2026-05-01, 76.5 h old, stale",
    ]


def test_an_ordinary_day_is_green_and_still_says_whose_home_was_closed(abroad: Factory) -> None:
    passed, found = tracking(abroad, datetime(2026, 5, 1, 22, 30, tzinfo=UTC))
    assert passed
    assert (found["session"], found["judged"], found["value"], found["far"]) == ("2026-05-01", 3, 0, "none")
    assert found["home_closed"] == "- EWG: home closed (Xetra): NAV as of 2026-04-30, 28.5 h old, stale"


def test_a_closure_at_home_that_an_override_states_explains_too(abroad: Factory) -> None:
    abroad.execute(
        "INSERT INTO market_calendar_overrides (calendar, session, action, reason, created_by, created_at) "
        "VALUES ('XETR', '2026-05-04', 'remove', 'a failure', 'tests', now())"
    )
    passed, found = tracking(abroad, datetime(2026, 5, 4, 22, 30, tzinfo=UTC))
    assert passed
    assert found["explained"] == 3
