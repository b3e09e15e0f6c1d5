"""What is known late: the sessions that it touches owe their report again, and the history says what has changed."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tickstock_dagster.adapters.bars.store import store_batch
from tickstock_dagster.adapters.loading.owed_datasets import Dataset, owed_besides_bars
from tickstock_dagster.adapters.quality.decisions import decide
from tickstock_dagster.adapters.quality.reports import report_sessions
from tickstock_dagster.core.quality.lifecycle import REPLACED, Key, State
from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import CALENDAR, SESSIONS, Store
from tickstock_dagster_tests.adapters.store_helpers import FRI, MON, NOW, THU, TUE, WED, add_security, bar, batch, query

HISTORY = (
    "SELECT v.was, v.verdict, v.how, v.cause FROM quality_verdicts AS v JOIN quality_anomalies AS a"
    " USING (security_id, session, rule, dataset) WHERE a.ticker = 'LONE' AND rule = 'price_move' AND session = %s"
    " ORDER BY verdict_id"
)
CAUSES = (
    "SELECT event -> 'data' ->> 'cause' FROM outbox WHERE channel = 'tickstock.quality.price_anomaly'"
    " AND event -> 'data' ->> 'rule' = 'price_move' ORDER BY position"
)
WHOLE = CALENDAR.sessions(MON, FRI)


class Late(Store):
    """On Friday LONE falls to a quarter of its price; the week is reported on, on Saturday."""

    def __init__(self, database_url: str) -> None:
        super().__init__(database_url, {"LONE": 0.25})
        [(self.lone,)] = query(database_url, "SELECT security_id FROM ticker_intervals WHERE ticker = 'LONE'")
        self.report(WHOLE, NOW)

    def report(self, days: Iterable[date], now: datetime) -> None:
        list(report_sessions(self.engine, CALENDAR, sorted(days), run_id="run-1", now=now))

    def owed(self, now: datetime) -> dict[date, str]:
        frame = owed_besides_bars(self.engine, CALENDAR, MON, now=now).filter(pl.col("dataset") == Dataset.REPORTS)
        return dict(frame.select("session", "reason").sort("session").iter_rows())

    def action(self, known_from: datetime, *, ex_date: date = FRI, security: int | None = None) -> None:
        query(
            self.url,
            "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source,"
            " known_from) VALUES (%s, 'LONE', 'split', 'forward_split', %s, 1, 4, 'simulator', %s)",
            (security or self.lone, ex_date, known_from),
        )

    def load(self, session: date, now: datetime, **values: Any) -> None:
        flat = dict.fromkeys(("open", "high", "low", "close"), 100.0) | {"volume": 1_000_000}
        store_batch(self.engine, batch(bar(self.lone, session, "LONE", **(flat | values)), now=now))

    def history(self, session: date = FRI) -> list[tuple[Any, ...]]:
        return query(self.url, HISTORY, (session,))


@pytest.fixture
def late(migrated_database_url: str) -> Late:
    return Late(migrated_database_url)


def hours(number: int) -> datetime:
    return NOW + timedelta(hours=number)


def test_a_split_that_is_told_late_is_named_by_the_history_and_so_is_its_end(late: Late) -> None:
    assert late.owed(hours(1)) == {}
    [found] = late.history()
    assert found == (None, "suspicious", "found", "a missing split 4:1 is suspected")
    late.action(hours(1))
    assert late.owed(hours(2)) == {FRI: "changed_since"} == late.owed(hours(2)), "reading changes nothing"
    late.report([FRI], hours(2))
    assert late.owed(hours(3)) == {}
    told = "split 1:4 of 2026-11-20, known since 2026-11-21 16:00 UTC"
    assert late.history()[1:] == [("suspicious", "explained", "withdrawn", told)]
    late.report([FRI], hours(3))
    assert len(late.history()) == 2, "twice is once"
    query(late.url, "UPDATE corporate_actions SET known_to = %s", (hours(4),))
    assert list(late.owed(hours(5))) == [FRI]
    late.report([FRI], hours(5))
    ended = "split 1:4 of 2026-11-20 is no longer stated since 2026-11-21 19:00 UTC"
    assert late.history()[2:] == [
        ("explained", "suspicious", "judged", f"a missing split 4:1 is suspected; {ended}"),
    ]
    causes = [cause for (cause,) in query(late.url, CAUSES)]
    assert causes == [line[-1] for line in late.history()]


def test_a_split_touches_the_sessions_whose_usual_volumes_it_changes_and_only_what_was_reported_on(late: Late) -> None:
    late.action(hours(1), ex_date=TUE)
    assert list(late.owed(hours(2))) == [TUE, WED, THU, FRI]
    late.action(hours(1), ex_date=TUE, security=add_security(late.url, "NONE"))
    late.report([TUE, WED, THU, FRI], hours(2))
    assert late.owed(hours(3)) == {}
    late.action(hours(3), ex_date=SESSIONS[2])
    assert late.owed(hours(4)) == {}, "too long ago for any session that was reported on"


def test_a_corrected_bar_touches_its_session_and_the_one_after(late: Late) -> None:
    late.load(WED, hours(1), close=90.0, low=90.0)
    assert list(late.owed(hours(2))) == [WED, THU]
    late.report([WED, THU], hours(2))
    assert late.owed(hours(3)) == {}
    late.load(FRI, hours(3))
    late.report(late.owed(hours(4)), hours(4))
    corrected = "the bar of 2026-11-20 was corrected on 2026-11-21 18:00 UTC"
    assert late.history()[1:] == [("suspicious", "explained", "withdrawn", f"{REPLACED}; {corrected}")]


def test_a_bar_that_a_person_sets_aside_or_puts_back_touches_the_session_after_it(late: Late) -> None:
    late.load(THU, hours(1), **dict.fromkeys(("open", "high", "low", "close"), 25.0))
    late.report(late.owed(hours(2)), hours(2))
    [fell] = late.history(THU)
    assert fell[1] == "suspicious"
    price = Key(late.lone, THU, "price_move")
    decide(late.engine, price, State.CONFIRMED, by="ada", why="a bad tick", run_id="cli", now=hours(3))
    assert list(late.owed(hours(4))) == [THU, FRI]
    late.report([THU, FRI], hours(4))
    assert late.owed(hours(5)) == {}
    aside = "the bar of 2026-11-19 was set aside on 2026-11-21 18:00 UTC"
    assert late.history()[-1][-1] == f"a missing split 4:1 is suspected; {aside}"
    decide(late.engine, price, State.RELEASED, by="ada", why="it was right", run_id="cli", now=hours(5))
    assert list(late.owed(hours(6))) == [THU, FRI]
    late.report([THU, FRI], hours(6))
    assert late.owed(hours(7)) == {}
    back = "the bar of 2026-11-19 was put back on 2026-11-21 20:00 UTC"
    assert late.history()[-1] == ("suspicious", "explained", "withdrawn", back)


def test_a_bar_that_comes_after_the_report_is_reported_on(migrated_database_url: str) -> None:
    late = Late(migrated_database_url)
    query(late.url, "DELETE FROM ohlcv_daily WHERE ticker = 'LONE' AND session = %s", (WED,))
    late.report(WHOLE, hours(1))
    assert late.owed(hours(2)) == {}
    late.load(WED, hours(2))
    assert list(late.owed(hours(3))) == [WED, THU]
    late.report([WED, THU], hours(3))
    assert late.owed(hours(4)) == {}
