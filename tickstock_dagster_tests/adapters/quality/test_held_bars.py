"""Bars that are not stored: what a load refused is found, and what was set aside comes back once its level lasts."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from tickstock_dagster.adapters.bars.store import rows_as_json, store_batch
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.quality.analysis import analyze_symbol_quality
from tickstock_dagster.adapters.quality.decisions import decide, decide_range
from tickstock_dagster.adapters.quality.reports import SessionReport, report_sessions
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA, validate_bars
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.judging.panel import SHORT_SCALE
from tickstock_dagster.core.quality.lifecycle import FindingRange, Key, State
from tickstock_dagster_tests.adapters.store_helpers import add_security, bar, batch, query

CALENDAR = library_calendar("XNYS")
SESSIONS = CALENDAR.sessions(date(2026, 7, 1), date(2026, 12, 31))[:80]
AT = 50
"""Place of the first disturbed session."""

TICKERS = ("AAA", "BBB", "XYZ")
EVENTS = (
    "SELECT event -> 'data' ->> 'session', event -> 'data' ->> 'verdict', event -> 'data' ->> 'was' FROM outbox"
    " WHERE starts_with(channel, 'tickstock.quality.') AND event -> 'data' ->> 'rule' = %s ORDER BY position"
)
FOUND = (
    "SELECT session, rule, verdict, state, cause, withdrawn_at IS NOT NULL FROM quality_anomalies"
    " WHERE ticker = 'XYZ' ORDER BY session, rule"
)


def evening(session: date) -> datetime:
    return CALENDAR.closes_at(session) + timedelta(hours=6)


class Market:
    """Three companies that move by about a hundredth a session; XYZ is disturbed by what a test says."""

    def __init__(self, database_url: str) -> None:
        self.url, self.engine = database_url, open_engine(database_url)
        self.ids = {ticker: add_security(database_url, ticker) for ticker in TICKERS}
        random = np.random.default_rng(4)
        self.closes = {ticker: 40 * np.exp(random.normal(0, 0.01, len(SESSIONS)).cumsum()) for ticker in TICKERS}
        self.load(SESSIONS[:AT])
        write_universe(
            self.engine, "tests", "list", "tests", TICKERS, track_from=SESSIONS[AT], now=evening(SESSIONS[0])
        )

    def load(
        self, sessions: Sequence[date], source: str = "simulator", times: float = 1.0, **changed: float | None
    ) -> None:
        """The answer of some sessions, validated and stored; XYZ's prices are multiplied, or some are other ones."""
        rows = []
        for ticker in TICKERS:
            for session in sessions:
                close = self.closes[ticker][SESSIONS.index(session)] * (times if ticker == "XYZ" else 1.0)
                prices = {"open": close * 1.001, "high": close * 1.01, "low": close * 0.99, "close": close}
                rows.append(
                    {"ticker": ticker, "session": session, "volume": 1_000_000.0, "vwap": None, "transactions": None}
                    | {name: round(value, 2) for name, value in prices.items()}
                    | (changed if ticker == "XYZ" else {})
                )
        validated = validate_bars(pl.DataFrame(rows, schema=BAR_SCHEMA))
        good = [
            bar(self.ids[ticker], session, ticker, **row | {"volume": int(row["volume"])})
            for row in validated.good.drop("volume_printed").iter_rows(named=True)
            for session, ticker in [(row.pop("session"), row.pop("ticker"))]
        ]
        refused = validated.rejected.with_columns(
            rows_as_json(validated.rejected),
            pl.col("ticker").replace_strict(self.ids, return_dtype=pl.Int64).alias("security_id"),
            pl.lit("unit").alias("unit_id"),
        )
        now = evening(sessions[-1])
        gaps = [
            {
                "security_id": row["security_id"], "session": row["session"], "ticker": row["ticker"],
                "reason": "quarantined", "evidence": row["reason"], "retry_at": now + timedelta(days=1),
            }
            for row in refused.iter_rows(named=True)
        ]  # fmt: skip
        store_batch(self.engine, batch(*good, rejected=refused.to_dicts(), gaps=gaps, now=now, source=source))

    def report(self, *sessions: date) -> list[SessionReport]:
        now = evening(sessions[-1])
        return list(report_sessions(self.engine, CALENDAR, sessions, run_id="run-1", now=now))

    def changed(self, *sessions: date) -> tuple[int, int, int, int]:
        """How many findings a report has found, changed and withdrawn, and how many events it wrote."""
        reports = self.report(*sessions)
        stored = sum((one.stored for one in reports[1:]), reports[0].stored)
        return stored.found, stored.changed, stored.withdrawn, stored.alerted

    def rows(self, text: str, values: Any = None) -> list[tuple[Any, ...]]:
        return query(self.url, text, values)

    def stored(self) -> list[date]:
        """Sessions of XYZ that are stored, from the first disturbed one on."""
        text = "SELECT session FROM ohlcv_daily WHERE ticker = 'XYZ' AND session >= %s ORDER BY session"
        return [session for (session,) in self.rows(text, (SESSIONS[AT],))]

    def release(self, session: date, state: State = State.RELEASED, rule: str = "scale_break") -> Any:
        key = Key(self.ids["XYZ"], session, rule)
        return decide(self.engine, key, state, by="ada", why="it is so", run_id="cli", now=evening(SESSIONS[-1]))


@pytest.fixture
def market(migrated_database_url: str) -> Market:
    return Market(migrated_database_url)


def split(market: Market, ex_date: date, split_from: int = 1, split_to: int = 2) -> None:
    market.rows(
        "INSERT INTO corporate_actions (security_id, ticker, action, kind, ex_date, split_from, split_to, source,"
        " known_from) VALUES (%s, 'XYZ', 'split', 'forward_split', %s, %s, %s, 's', '2026-07-01')",
        (market.ids["XYZ"], ex_date, split_from, split_to),
    )


@pytest.mark.parametrize("is_known", [False, True])
def test_a_half_applied_split_that_the_load_refused_is_found_once_scored_and_never_released(
    market: Market, is_known: bool
) -> None:
    day, after = SESSIONS[AT], SESSIONS[AT + 1]
    right = float(market.closes["XYZ"][AT])
    if is_known:
        split(market, after)
    market.load([day], close=round(right / 2, 2))
    assert market.stored() == []
    [report] = market.report(day)
    words = f"the split of {after} is" if is_known else "as if a split were"
    cause = f"the close is outside of low and high, by 2:1: {words} applied to it alone"
    assert market.rows(FOUND) == [(day, "bar_order", "wrong", "open", cause, False)]
    assert market.rows(EVENTS, ("bar_order",)) == [(str(day), "wrong", None)]
    [row] = report.rows.filter(pl.col("ticker") == "XYZ").iter_rows(named=True)
    assert (row["price_score"], row["volume_score"], row["wrong"]) == (0, 0, 1)
    said = f"bar_order: wrong ({cause}); the load refused the bar, which is owed: load it again ("
    assert any(words.startswith(said) and "/v2/aggs/ticker/XYZ/" in words for words in row["recommendations"])
    assert market.changed(day) == (0, 0, 0, 0), "the same again"
    market.load([day], "files:again", close=round(right / 2, 2))
    assert market.rows("SELECT count(*) FROM quarantined_bars") == [(2,)]
    assert market.changed(day) == (0, 0, 0, 0), "the same from another source"
    analysed = analyze_symbol_quality(market.engine, CALENDAR, "XYZ", day, evening(day))
    assert (analysed.stored, analysed.scores.price) == (True, 0)

    with pytest.raises(BadInputError, match="only another bar helps: load it again"):
        market.release(day, rule="bar_order")
    assert market.release(day, State.CONFIRMED, "bar_order").findings[0].verdict == "wrong"
    assert market.release(day, State.CONFIRMED, "bar_order").findings == (), "twice is once"
    assert market.changed(day) == (0, 0, 0, 0), "the decision stands"

    market.load([day])
    assert market.stored() == [day]
    assert market.changed(day) == (0, 0, 1, 1)
    [withdrawn] = market.rows(FOUND)
    assert withdrawn[2:] == ("explained", "open", "another bar is stored, of which its rule does not find it", True)
    assert market.rows(EVENTS, ("bar_order",))[1:] == [(str(day), "explained", "wrong")]
    assert market.changed(day) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"close": 22.0}, "the close is outside of low and high"),
        ({"high": 30.0, "low": 31.0}, "the high is below the low"),
        ({"open": None, "high": None, "low": None, "volume": 0.0}, "a price is missing: open, high, low"),
        ({"vwap": -1.0}, "vwap is no price"),
    ],
)
def test_what_was_refused_is_named_by_what_contradicts_what(
    market: Market, changed: dict[str, float | None], cause: str
) -> None:
    day = SESSIONS[AT]
    market.load([day], **changed)
    before = market.rows("SELECT to_jsonb(q.*) FROM quarantined_bars AS q")
    analysed = analyze_symbol_quality(market.engine, CALENDAR, "XYZ", day, evening(day))
    assert [(one.key.rule, one.verdict, one.cause) for one in analysed.findings] == [("bar_order", "wrong", cause)]
    assert market.rows(FOUND) == [], "asking writes nothing"
    market.report(day)
    assert [row[2:5] for row in market.rows(FOUND)] == [("wrong", "open", cause)]
    assert market.rows("SELECT to_jsonb(q.*) FROM quarantined_bars AS q") == before


def test_a_row_refused_after_the_report_makes_it_ask_again_and_a_stored_bar_needs_no_other(market: Market) -> None:
    day = SESSIONS[AT]
    market.load([SESSIONS[AT - 1], day])
    market.report(day)
    assert analyze_symbol_quality(market.engine, CALENDAR, "XYZ", day, evening(day)).stored
    query(market.url, "UPDATE quality_reports SET reported_at = reported_at - interval '1 hour'")
    query(market.url, "UPDATE ohlcv_daily SET loaded_at = loaded_at - interval '2 hours'")
    market.load([day], close=1.0)
    analysed = analyze_symbol_quality(market.engine, CALENDAR, "XYZ", day, evening(day))
    assert (analysed.stored, analysed.findings) == (True, ()), "the good bar stands"
    query(market.url, "DELETE FROM ohlcv_daily WHERE ticker = 'XYZ' AND session = %s", (day,))
    analysed = analyze_symbol_quality(market.engine, CALENDAR, "XYZ", day, evening(day))
    assert (analysed.stored, len(analysed.findings)) == (False, 1)


def test_a_level_that_lasts_comes_back_with_its_bars_and_is_told_once(market: Market) -> None:
    """A reverse split of 1 for 10 that no source tells of, and whose shares do not scale."""
    short, more = SESSIONS[AT : AT + SHORT_SCALE], SESSIONS[AT + SHORT_SCALE]
    for day in short:
        market.load([day], times=10)
        market.report(day)
    assert market.stored() == []
    assert {row[2] for row in market.rows(FOUND)} == {"wrong"}
    market.load([more], times=10)
    changed = market.report(more)
    assert market.stored() == [*short, more]
    found = market.rows(FOUND)
    cause = "prices changed by 10^1 for more than 10 sessions; a missing split is suspected"
    assert found[0] == (short[0], "scale_break", "suspicious", "open", f"a level that lasts: {cause}", False)
    assert [row[:4] for row in found[1:]] == [(day, "scale_break", "explained", "open") for day in short[1:]]
    assert {row[4:] for row in found[1:]} == {(f"its level of prices, which began on {short[0]}, lasts", True)}
    assert changed[-1].stored.alerted == 0
    assert market.rows("SELECT * FROM bar_gaps") == []
    told = market.rows(EVENTS, ("scale_break",))
    assert told[: len(short)] == [(str(day), "wrong", None) for day in short]
    assert told[len(short) :] == [
        (str(day), "suspicious" if day == short[0] else "explained", "wrong") for day in short
    ]
    [(call,)] = market.rows("SELECT settled_by FROM quality_anomalies WHERE verdict = 'suspicious'")
    assert call == f"/stocks/v1/splits?ticker=XYZ&execution_date={short[0]}"
    [(score, said)] = market.rows(
        "SELECT price_score, recommendations FROM quality_reports WHERE ticker = 'XYZ' AND session = %s", (short[0],)
    )
    assert 70 <= score <= 90
    assert any(f"ask {call}" in words for words in said)

    everything = market.rows(FOUND)
    for days in ([more], short[:1], short[3:5], [*short, more]):
        assert market.changed(*days) == (0, 0, 0, 0), f"{days} again"
    assert market.rows(FOUND) == everything
    assert market.stored() == [*short, more]


def test_a_split_that_is_told_late_puts_its_bars_back(market: Market) -> None:
    first, second = SESSIONS[AT : AT + 2]
    market.load([first], times=10)
    market.report(first)
    assert market.stored() == []
    split(market, first, 10, 1)
    market.load([second], times=10)
    market.report(second)
    assert market.stored() == [first, second]
    [found] = [row for row in market.rows(FOUND) if row[1] == "scale_break"]
    assert found[2:] == ("explained", "open", "its level of prices is that of the bars around it", True)
    assert market.changed(first, second) == (0, 0, 0, 0)


def test_bars_after_a_released_one_are_on_its_level(market: Market) -> None:
    first, second, third, fourth, back = SESSIONS[AT : AT + 5]
    for day in (first, second, third):
        market.load([day], times=100)
        market.report(day)
    assert market.stored() == []
    assert market.release(second).bar_put_back
    market.load([fourth], times=100)
    market.report(fourth)
    assert market.stored() == [second, third, fourth], "the one before it is not known to be right"
    found = {row[0]: row[1:5] for row in market.rows(FOUND)}
    on_level = ("scale_break", "explained", "open", f"on the level of the bar of {second} that a person released")
    assert [found[day] for day in (third, fourth)] == [on_level, on_level]
    assert [row[1:4] for row in market.rows(FOUND) if row[0] == second] == [("scale_break", "explained", "released")]
    told = market.rows(EVENTS, ("scale_break",))
    assert told[3:] == [(str(day), "explained", "wrong") for day in (second, third)], "what was right is not told of"
    assert market.rows(EVENTS, ("price_move",)) == []
    for days in ([third, fourth], [fourth], [second]):
        assert market.changed(*days) == (0, 0, 0, 0)
    market.load([back])
    market.report(back)
    assert market.stored() == [second, third, fourth, back]


def test_a_range_is_released_at_once_or_not_at_all(market: Market) -> None:
    days = SESSIONS[AT : AT + 4]
    market.load(days, times=0.1)
    market.report(*days)
    now = evening(days[-1])
    who = {"by": "ada", "why": "a new unit", "run_id": "cli", "now": now}
    asked = FindingRange("XYZ", "scale_break", days[1], days[3])
    market.rows(
        "INSERT INTO ohlcv_daily SELECT (jsonb_populate_record(NULL::ohlcv_daily, row || '{\"high\": 99}')).*"
        " FROM quarantined_bars WHERE session = %s",
        (days[2],),
    )
    before = market.rows(FOUND)
    with pytest.raises(BadInputError, match=f"XYZ {days[2]} scale_break.*has been replaced"):
        decide_range(market.engine, asked, State.RELEASED, **who)
    assert (market.stored(), market.rows(FOUND)) == ([days[2]], before)
    market.rows("DELETE FROM ohlcv_daily WHERE ticker = 'XYZ' AND session = %s", (days[2],))

    made = decide_range(market.engine, asked, State.RELEASED, **who)
    assert [one.findings[0].key.session for one in made] == days[1:]
    assert all(one.bar_put_back for one in made)
    assert market.stored() == days[1:]
    again = decide_range(market.engine, asked, State.RELEASED, **who)
    assert again == (), "twice is once"
    assert market.changed(*days) == (0, 0, 0, 0)
    for wrong, words in (
        (FindingRange("XYZ", "scale_break", days[3], days[1]), "until"),
        (FindingRange("XYZ", "lone_bar", days[0]), "XYZ lone_bar from"),
        (FindingRange("NONE", "scale_break", days[0]), "findings 'NONE scale_break"),
    ):
        with pytest.raises(BadInputError, match=words):
            decide_range(market.engine, wrong, State.CONFIRMED, **who)
    assert len(decide_range(market.engine, asked, State.CONFIRMED, **who)) == 3
    assert market.stored() == []
