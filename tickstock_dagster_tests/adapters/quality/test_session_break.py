"""A stored session that is off as a whole: its bars stay, the check names it, one event speaks for all of it."""

import numpy as np

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.adapters.quality.table_checks import standing_errors
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import CALENDAR, SESSIONS
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, add_security, bar, batch, query

SECURITIES = 31


def test_a_session_of_half_prices_keeps_its_bars_and_is_told_once(migrated_database_url: str) -> None:
    url, engine = migrated_database_url, open_engine(migrated_database_url)
    random, rows = np.random.default_rng(4), []
    for number in range(SECURITIES):
        ticker = f"T{number:02d}"
        security = add_security(url, ticker)
        closes = 50 * np.exp(random.normal(0, 0.01, len(SESSIONS)).cumsum())
        closes[-1] /= 2
        rows += [
            bar(security, day, ticker, **dict.fromkeys(("open", "high", "low", "close"), round(float(close), 6)),
                volume=1_000_000)
            for day, close in zip(SESSIONS, closes, strict=True)
        ]  # fmt: skip
    store_batch(engine, batch(*rows))
    write_universe(engine, "tests", "list", "tests", [f"T{n:02d}" for n in range(SECURITIES)], track_from=MON, now=NOW)
    [report] = report_sessions(engine, CALENDAR, [FRI], run_id="run-1", now=NOW)
    assert {(one.key.rule, str(one.verdict)) for one in report.findings} == {("session_break", "suspicious")}
    assert (report.stored.found, report.stored.alerted, report.stored.set_aside) == (SECURITIES, 1, ())
    assert report.rows["price_score"].max() < 100
    assert standing_errors(engine).errors.count == SECURITIES
    told = "SELECT event -> 'data' ->> 'symbol' FROM outbox WHERE channel = 'tickstock.quality.price_anomaly'"
    assert query(url, told) == [("T00",)]
    list(report_sessions(engine, CALENDAR, [FRI], run_id="run-2", now=NOW))
    assert query(url, told) == [("T00",)], "the same again changes nothing"
