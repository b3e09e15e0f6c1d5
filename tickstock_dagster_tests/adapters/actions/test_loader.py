"""Splits and dividends in versions: what is new, changed, moved, withdrawn, refused; and when they are asked for."""

import json
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tickstock_dagster.adapters.actions.evidence import owed_action_sessions
from tickstock_dagster.adapters.actions.loader import ActionsReport, load_corporate_actions
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.sources.protocol import (
    DIVIDEND_SCHEMA,
    SPLIT_SCHEMA,
    MalformedAnswerError,
    UpstreamError,
    VendorCall,
)
from tickstock_dagster.core.actions.evidence import AHEAD
from tickstock_dagster.core.actions.spans import Span
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, World
from tickstock_dagster_tests.adapters.store_helpers import NOW, add_security, query

FIRST, LAST = date(2026, 1, 2), date(2026, 11, 20)
VERSIONS = """
SELECT ticker, action, kind, ex_date, split_from::float8, split_to::float8, cash_amount::float8, known_from, known_to
FROM corporate_actions ORDER BY action_id
"""
CURRENT = "SELECT ticker, ex_date, split_to::float8 FROM corporate_actions WHERE known_to IS NULL AND action = 'split'"


class Told:
    """A source that tells what a test gave it."""

    name = "simulator"

    def __init__(self) -> None:
        self.split_rows: list[tuple[Any, ...]] = []
        self.dividend_rows: list[tuple[Any, ...]] = []
        self.asked = 0
        self.error: Exception | None = None

    def _answer(self, rows: Sequence[tuple[Any, ...]], schema: Any, start: date, end: date) -> pl.DataFrame:
        self.asked += 1
        if self.error:
            raise self.error
        return pl.DataFrame(rows, schema=schema, orient="row").filter(pl.col("ex_date").is_between(start, end))

    def splits(self, start: date, end: date) -> pl.DataFrame:
        return self._answer(self.split_rows, SPLIT_SCHEMA, start, end)

    def dividends(self, start: date, end: date) -> pl.DataFrame:
        return self._answer(self.dividend_rows, DIVIDEND_SCHEMA, start, end)

    def drain_calls(self) -> list[VendorCall]:
        asked, self.asked = self.asked, 0
        return [VendorCall(NOW.timestamp(), "/stocks/v1/splits", 200, 0, 1.0, 1, "ok")] * asked


@pytest.fixture
def told(migrated_database_url: str) -> Told:
    for ticker in ("AAA", "BBB"):
        add_security(migrated_database_url, ticker)
    return Told()


def load(source: Any, database_url: str, hour: int = 0, **options: Any) -> ActionsReport:
    span = (options.pop("first", FIRST), options.pop("last", LAST))
    now = NOW + timedelta(hours=hour)
    context = LoadContext(source, open_engine(database_url), "XNYS", "run-1", lambda: now)
    return load_corporate_actions(context, CALENDAR, *span, **options)


def owed(database_url: str, first: date, now: datetime = NOW, **options: Any) -> pl.DataFrame:
    return owed_action_sessions(open_engine(database_url), CALENDAR, first, market="XNYS", now=now, **options)


def split(ticker: str, ex_date: date, to: float, of: float = 1.0) -> tuple[Any, ...]:
    return (f"S-{ticker}-{ex_date}", ticker, ex_date, of, to, "forward_split")


def dividend(ticker: str, ex_date: date, cash: float, kind: str = "recurring") -> tuple[Any, ...]:
    declared = ex_date - timedelta(days=20)
    return (f"D-{ticker}-{ex_date}", ticker, ex_date, declared, ex_date, ex_date + timedelta(days=9), cash, "USD", kind)


MAY = date(2026, 5, 15)


ALL_DAYS = Span(date(2026, 1, 1), LAST + AHEAD)
"""The days of the sessions from `FIRST` to `LAST`, and all that is announced ahead."""


def test_actions_are_stored_once_and_a_fresh_span_is_asked_for_once(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2)]
    told.dividend_rows = [dividend("BBB", MAY, 0.25), dividend("BBB", MAY, 1.5, "special")]
    assert load(told, migrated_database_url) == ActionsReport(inserted=3, calls=2, spans=(ALL_DAYS,))
    assert query(migrated_database_url, VERSIONS) == [
        ("AAA", "split", "forward_split", MAY, 1, 2, None, NOW, None),
        ("BBB", "dividend", "recurring", MAY, None, None, 0.25, NOW, None),
        ("BBB", "dividend", "special", MAY, None, None, 1.5, NOW, None),
    ]
    again = load(told, migrated_database_url, hour=1)
    assert (again.asked, again.calls, told.asked) == (False, 0, 0)
    repeated = load(told, migrated_database_url, hour=1, ask_again=True)
    assert (repeated.inserted, repeated.ended, repeated.known, repeated.calls) == (0, 0, 3, 2)
    units = "SELECT kind, status, rows, attempts FROM work_units ORDER BY kind"
    assert query(migrated_database_url, units) == [("dividends", "done", 2, 2), ("splits", "done", 1, 2)]
    assert query(migrated_database_url, "SELECT count(*), count(DISTINCT run_id) FROM vendor_calls") == [(4, 1)]


def test_another_span_is_another_question(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2), split("AAA", date(2026, 9, 1), 3)]
    assert load(told, migrated_database_url, last=date(2026, 6, 30)).inserted == 1
    assert load(told, migrated_database_url, first=date(2026, 7, 1)).inserted == 1
    assert len(query(migrated_database_url, CURRENT)) == 2


def test_a_corrected_split_ends_the_former_version_and_begins_another(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2)]
    load(told, migrated_database_url)
    told.split_rows = [split("AAA", MAY, 3)]
    report = load(told, migrated_database_url, hour=2, ask_again=True)
    assert (report.inserted, report.ended) == (1, 1)
    later = NOW + timedelta(hours=2)
    assert [(row[5], *row[7:]) for row in query(migrated_database_url, VERSIONS)] == [(2, NOW, later), (3, later, None)]


def test_a_dividend_whose_dates_or_kind_change_is_a_new_version(migrated_database_url: str, told: Told) -> None:
    told.dividend_rows = [dividend("AAA", MAY, 0.5)]
    load(told, migrated_database_url)
    told.dividend_rows = [(*dividend("AAA", MAY, 0.5)[:5], MAY + timedelta(days=30), 0.5, "USD", "recurring")]
    assert load(told, migrated_database_url, hour=1, ask_again=True).ended == 1
    told.dividend_rows = [(*told.dividend_rows[0][:-1], "special")]
    assert load(told, migrated_database_url, hour=2, ask_again=True).ended == 1
    assert [row[2] for row in query(migrated_database_url, VERSIONS)] == ["recurring", "recurring", "special"]


def test_a_withdrawn_action_ends_and_one_outside_the_span_does_not(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2), split("BBB", date(2026, 9, 1), 3)]
    load(told, migrated_database_url)
    told.split_rows = []
    report = load(told, migrated_database_url, hour=1, last=date(2026, 6, 30), ask_again=True)
    assert (report.inserted, report.ended) == (0, 1)
    assert query(migrated_database_url, CURRENT) == [("BBB", date(2026, 9, 1), 3)]


def test_an_action_that_comes_back_is_a_version_of_its_own(migrated_database_url: str, told: Told) -> None:
    for hour, rows in enumerate(([split("AAA", MAY, 2)], [], [split("AAA", MAY, 2)])):
        told.split_rows = rows
        load(told, migrated_database_url, hour=hour, ask_again=True)
    assert [row[8] is None for row in query(migrated_database_url, VERSIONS)] == [False, True]


def test_an_answer_that_contradicts_itself_is_named_and_what_was_known_stays(
    migrated_database_url: str, told: Told
) -> None:
    told.split_rows = [split("AAA", MAY, 2)]
    load(told, migrated_database_url)
    told.split_rows = [split("AAA", MAY, 2), split("AAA", MAY, 20), split("BBB", MAY, 0)]
    report = load(told, migrated_database_url, hour=1, ask_again=True)
    assert len(report.refused) == 3
    assert "AAA 2026-05-15: split 20 for 1 contradicts another" in report.refused
    assert query(migrated_database_url, CURRENT) == [("AAA", MAY, 2)]
    assert report.ended == 0


def test_an_answer_that_withdraws_much_is_refused_and_nothing_is_changed(
    migrated_database_url: str, told: Told
) -> None:
    told.dividend_rows = [dividend("AAA", MAY + timedelta(days=day), 0.1) for day in range(20)]
    load(told, migrated_database_url)
    before = query(migrated_database_url, VERSIONS)
    told.dividend_rows = []
    words = r"simulator: splits and dividends 2026-01-01\.\.2027-11-21 lack 20 of 20 that are known"
    with pytest.raises(MalformedAnswerError, match=words):
        load(told, migrated_database_url, hour=1, ask_again=True)
    assert query(migrated_database_url, VERSIONS) == before
    told.dividend_rows = [dividend("AAA", MAY + timedelta(days=day), 0.1) for day in range(18)]
    assert load(told, migrated_database_url, hour=2, ask_again=True).ended == 2


UNRESOLVED = "SELECT ticker, action, ex_date, vendor_id FROM unresolved_actions ORDER BY 1, 2"


def test_a_row_of_nobody_waits_until_its_ticker_is_somebodys(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("ZZZ", MAY, 2), split("AAA", MAY, 2)]
    report = load(told, migrated_database_url)
    assert (report.inserted, report.unresolved, report.refused) == (1, 1, ())
    assert query(migrated_database_url, UNRESOLVED) == [("ZZZ", "split", MAY, f"S-ZZZ-{MAY}")]
    assert not load(told, migrated_database_url, hour=1).asked
    assert owed(migrated_database_url, FIRST).is_empty()
    add_security(migrated_database_url, "ZZZ")
    assert owed(migrated_database_url, FIRST).rows() == [(MAY, "evidence_expired")]
    again = load(told, migrated_database_url, hour=2)
    assert (again.inserted, again.known, again.unresolved, again.spans) == (1, 1, 0, (Span(MAY, MAY),))
    assert query(migrated_database_url, UNRESOLVED) == []
    assert owed(migrated_database_url, FIRST).is_empty()


def test_a_row_of_a_ticker_that_nobody_holds_any_more_is_its_former_holders(
    migrated_database_url: str, told: Told
) -> None:
    """AAA is another company's since 2026-07-01: the rows before that day are the former one's."""
    query(
        migrated_database_url,
        "UPDATE ticker_intervals SET seen_to = '2026-06-01', valid_to = '2026-06-30' WHERE ticker = 'AAA'",
    )
    later = add_security(migrated_database_url, "AAA", figi="LATER", since=date(2026, 7, 1))
    told.split_rows = [split("AAA", MAY, 2), split("AAA", date(2026, 9, 1), 3), split("AAA", date(2026, 6, 30), 4)]
    report = load(told, migrated_database_url)
    assert (report.inserted, report.unresolved) == (2, 1)
    holders = query(migrated_database_url, "SELECT ex_date, security_id FROM corporate_actions ORDER BY 1")
    assert [security for _, security in holders] == [1, later]
    assert owed(migrated_database_url, FIRST).is_empty(), "a row that stays nobody's is not asked for again and again"


def test_what_is_known_stays_while_its_ticker_is_unknown(migrated_database_url: str, told: Told) -> None:
    """The vendor lists AAA's past under its new ticker, which no list of ours has yet."""
    told.split_rows, told.dividend_rows = [split("AAA", MAY, 2)], [dividend("AAA", MAY, 0.5)]
    load(told, migrated_database_url)
    told.split_rows = [(row[0], "NEW", *row[2:]) for row in told.split_rows]
    told.dividend_rows = [(row[0], "NEW", *row[2:]) for row in told.dividend_rows]
    report = load(told, migrated_database_url, hour=1, ask_again=True)
    assert (report.ended, report.inserted, report.unresolved) == (0, 0, 2)


def test_one_broken_row_does_not_keep_a_correction_beside_it_out(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2)]
    load(told, migrated_database_url)
    told.split_rows = [split("AAA", MAY, 3), ("S-2", "AAA", MAY, 1.0, None, "forward_split")]
    report = load(told, migrated_database_url, hour=1, ask_again=True)
    assert (report.ended, report.inserted, len(report.refused)) == (1, 1, 1)
    assert query(migrated_database_url, CURRENT) == [("AAA", MAY, 3)]


def test_a_ratio_in_other_numbers_is_no_new_version(migrated_database_url: str, told: Told) -> None:
    for hour, (to, of) in enumerate([(2.0, 1.0), (4.0, 2.0), (3.0, 1.5), (1.0, 0.5)]):
        told.split_rows = [split("AAA", MAY, to, of)]
        report = load(told, migrated_database_url, hour=hour, ask_again=True)
        assert (report.inserted, report.ended) == ((1, 0) if hour == 0 else (0, 0))
    told.split_rows = [split("AAA", MAY, 2.001)]
    assert load(told, migrated_database_url, hour=9, ask_again=True).ended == 1


def test_actions_that_move_are_not_taken_for_lacking(migrated_database_url: str, told: Told) -> None:
    """A fund family moves all of its twenty dividends by a day; eight of them vanish in the next answer."""
    tickers = [f"F{number:02}" for number in range(20)]
    for ticker in tickers:
        add_security(migrated_database_url, ticker)
    told.dividend_rows = [dividend(ticker, MAY, 0.1) for ticker in tickers]
    load(told, migrated_database_url)
    told.dividend_rows = [dividend(ticker, MAY + timedelta(days=3), 0.1) for ticker in tickers]
    report = load(told, migrated_database_url, hour=1, ask_again=True)
    assert (report.inserted, report.ended) == (20, 20)
    told.dividend_rows = told.dividend_rows[:12]
    with pytest.raises(MalformedAnswerError, match="lack 8 of 20"):
        load(told, migrated_database_url, hour=2, ask_again=True)


def test_what_another_source_says_otherwise_is_said_and_stays(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2)]
    load(told, migrated_database_url)
    other = Told()
    other.name = "massive"
    other.split_rows = [split("AAA", MAY, 3), split("BBB", MAY, 2)]
    report = load(other, migrated_database_url, hour=1)
    assert (report.inserted, report.refused) == (
        1,
        ("AAA 2026-05-15: split 3 for 1 contradicts what simulator says, which stays",),
    )
    assert query(migrated_database_url, CURRENT) == [("AAA", MAY, 2), ("BBB", MAY, 2)]


def test_repeats_and_rows_that_change_nothing_are_in_the_report(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2), ("S-2", "AAA", MAY, 2.0, 4.0, "forward_split"), split("BBB", MAY, 1)]
    report = load(told, migrated_database_url)
    assert report.repeats == ("AAA 2026-05-15: split 2 for 1 came 2 times",)
    assert report.ignored == ("BBB 2026-05-15: split of 1 for 1 changes nothing",)
    assert query(migrated_database_url, CURRENT) == [("AAA", MAY, 2)]


def test_a_look_of_the_next_session_asks_again_and_in_between_nobody_does(
    migrated_database_url: str, told: Told
) -> None:
    weekend = load(told, migrated_database_url, first=LAST)
    assert [str(span) for span in weekend.spans] == ["2026-11-07..2027-11-21"]
    assert not load(told, migrated_database_url, hour=40, first=LAST).asked  # Monday morning
    monday = date(2026, 11, 23)
    evening = load(
        told, migrated_database_url, hour=55, first=monday, last=monday
    )  # 22:00 UTC, an hour after the close
    assert [str(span) for span in evening.spans] == ["2026-11-07..2027-11-24"]
    assert owed(migrated_database_url, monday, NOW + timedelta(hours=56)).is_empty()


def test_owed_sessions_are_those_that_nobody_asked_about(migrated_database_url: str, told: Told) -> None:
    load(told, migrated_database_url, first=date(2026, 11, 16), last=date(2026, 11, 17))
    found = owed(migrated_database_url, date(2026, 11, 13), last=date(2026, 11, 18))
    assert found.rows() == [(date(2026, 11, day), "never_asked") for day in (13, 18)]
    assert owed(migrated_database_url, date(2026, 12, 1)).is_empty()


def test_a_file_speaks_for_its_own_tickers_and_leaves_the_market_owed(migrated_database_url: str, told: Told) -> None:
    told.name = "files:1a2b"
    told.split_rows = [split("AAA", LAST, 2)]
    assert load(told, migrated_database_url, first=LAST).inserted == 1
    assert not load(told, migrated_database_url, first=LAST).asked
    assert owed(migrated_database_url, LAST).rows() == [(LAST, "never_asked")]


def test_owed_sessions_of_five_years_are_found_in_a_moment(migrated_database_url: str) -> None:
    """1,260 sessions, a look for each, 20,000 rows without a security."""
    first = CALENDAR.sessions_before(LAST, 1_260)[0]
    query(
        migrated_database_url,
        """INSERT INTO work_units (unit_id, dataset, kind, market, source, subject, first_session, last_session, status,
               run_id, planned_at, started_at, finished_at)
           SELECT md5(k || d), 'corporate_actions', k, 'XNYS', 'simulator', '*', d::date - 10, d::date + 366, 'done',
               'r', d, d, d
           FROM generate_series(%s::timestamptz, %s, '1 day') AS d, unnest(ARRAY['splits', 'dividends']) AS k""",
        (first, LAST),
    )
    query(
        migrated_database_url,
        "INSERT INTO unresolved_actions SELECT 's', 'T' || n, 'dividend', %s::date - n %% 1800, n "
        "FROM generate_series(1, 20000) AS n",
        (LAST,),
    )
    began = time.perf_counter()
    found = owed(migrated_database_url, first)
    assert time.perf_counter() - began < 1.0  # 0.1 s alone; this machine may be busy
    assert found.height > 0


def test_an_answer_that_does_not_come_changes_nothing_is_noted_and_is_asked_for_again(
    migrated_database_url: str, told: Told
) -> None:
    told.split_rows, told.error = [split("AAA", MAY, 2)], UpstreamError("the vendor is down")
    with pytest.raises(UpstreamError, match="down"):
        load(told, migrated_database_url)
    assert query(migrated_database_url, VERSIONS) == []
    units = "SELECT DISTINCT dataset, status, error, error_class FROM work_units"
    assert query(migrated_database_url, units) == [("corporate_actions", "retrying", "the vendor is down", "transient")]
    assert query(migrated_database_url, "SELECT count(*) FROM vendor_calls") == [(1,)]
    [reason] = owed(migrated_database_url, LAST)["reason"]
    assert reason == "the vendor is down"
    told.error = None
    assert load(told, migrated_database_url).inserted == 1
    assert owed(migrated_database_url, FIRST).is_empty()


def test_another_sources_versions_are_left_alone(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2)]
    load(told, migrated_database_url)
    other = Told()
    other.name = "massive"
    assert load(other, migrated_database_url, hour=1).ended == 0
    assert query(migrated_database_url, CURRENT) == [("AAA", MAY, 2)]


def test_two_readings_of_one_moment_leave_versions_that_last(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2)]
    load(told, migrated_database_url)
    told.split_rows = [split("AAA", MAY, 3)]
    load(told, migrated_database_url, ask_again=True)
    assert query(migrated_database_url, CURRENT) == [("AAA", MAY, 3)]


EVENINGS = CALENDAR.sessions(date(2026, 11, 2), LAST)
EX_DATES = st.sampled_from(
    [date(2026, 10, 30), date(2026, 11, 7), date(2026, 11, 12), date(2026, 11, 18), MAY.replace(2027)]
)
FEEDS = st.dictionaries(
    st.tuples(st.sampled_from(["AAA", "BBB"]), EX_DATES), st.sampled_from([0.5, 2.0, 3.0]), max_size=4
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(FEEDS, min_size=len(EVENINGS), max_size=len(EVENINGS)), st.sets(st.sampled_from(EVENINGS[1:-1])))
def test_after_any_history_of_feeds_the_store_has_what_the_last_answers_had(
    migrated_database_url: str, told: Told, feeds: list[dict[tuple[str, date], float]], away: set[date]
) -> None:
    """Evenings with other feeds, some of them without a look: each look's days are as its feed has them."""
    query(migrated_database_url, "TRUNCATE corporate_actions, work_units")
    expected: dict[tuple[str, date], float] = {}
    for session, feed in zip(EVENINGS, feeds, strict=True):
        if session in away:
            continue
        told.split_rows = [split(ticker, day, to) for (ticker, day), to in feed.items()]
        hours = int((CALENDAR.closes_at(session) - NOW).total_seconds() // 3600) + 1
        [span] = load(told, migrated_database_url, hour=hours, first=session, last=session).spans
        assert not load(told, migrated_database_url, hour=hours, first=session, last=session).asked
        asked = {key: to for key, to in feed.items() if span.first <= key[1] <= span.last}
        expected = {key: to for key, to in expected.items() if not span.first <= key[1] <= span.last} | asked
        found = {(ticker, day): to for ticker, day, to in query(migrated_database_url, CURRENT)}
        assert found == expected
    overlapping = """SELECT count(*) FROM corporate_actions AS a JOIN corporate_actions AS b
        ON (a.security_id, a.ex_date) = (b.security_id, b.ex_date) AND a.action_id < b.action_id
        AND a.known_to IS DISTINCT FROM b.known_from AND (a.known_to IS NULL OR a.known_to > b.known_from)"""
    assert query(migrated_database_url, overlapping) == [(0,)]


# -- against the simulator --------------------------------------------------------------------------------------------


def adjusted_by_the_vendor(world: World, ticker: str, first: date, last: date) -> list[float]:
    path = f"/v2/aggs/ticker/{ticker}/range/1/day/{first}/{last}?adjusted=true&sort=asc&limit=50000"
    asked = Request(world.simulator.url + path, headers={"Authorization": f"Bearer {world.simulator.key}"})  # noqa: S310
    with urlopen(asked) as answer:  # noqa: S310 - loopback
        return [row["c"] for row in json.loads(answer.read())["results"]]


@pytest.mark.parametrize(
    ("ticker", "first", "last", "spans"),
    [
        ("SPLT", date(2026, 9, 1), LAST, [("SPLT", date(2026, 9, 1), LAST)]),
        ("RSPL", date(2026, 6, 1), date(2026, 6, 30), [("RSPL", date(2026, 6, 1), date(2026, 6, 30))]),
        (
            "FBYY",
            date(2024, 11, 1),
            date(2025, 9, 30),
            [("FBXX", date(2024, 11, 1), date(2025, 3, 7)), ("FBYY", date(2025, 3, 10), date(2025, 9, 30))],
        ),
    ],
)
def test_prices_adjusted_on_read_agree_with_the_vendors_own(
    world: World, ticker: str, first: date, last: date, spans: list[tuple[str, date, date]]
) -> None:
    """FBYY was FBXX at its first split; the vendor tells both splits under FBYY."""
    world.load(ticker, first, last)
    report = load(world.source, world.database_url, first=first, last=LAST)
    assert report.inserted > 0
    assert report.refused == ()
    # The adjusted view counts splits up to the latest stored session: the vendor counts those up to now.
    world.load("SPY", LAST, LAST)
    text = "SELECT close::float8 FROM ohlcv_daily_adjusted WHERE ticker = ANY (%s) ORDER BY session"
    ours = [close for (close,) in world.query(text, ([name for name, *_ in spans],))]
    theirs = [close for span in spans for close in adjusted_by_the_vendor(world, *span)]
    assert len(ours) == len(theirs)
    assert ours == pytest.approx(theirs, abs=1e-3)


def test_the_simulators_actions_of_a_year_find_their_securities(world: World) -> None:
    world.load("AAPL", FIRST, LAST)
    report = load(world.source, world.database_url)
    assert report.inserted > 200
    assert report.unresolved <= 5
    assert load(world.source, world.database_url, hour=1, ask_again=True).known == report.inserted


def test_an_empty_answer_after_a_full_one_is_refused(world: World) -> None:
    world.load("AAPL", FIRST, LAST)
    load(world.source, world.database_url)
    before = world.tables("work_units")
    world.simulator.install("empty_200", path="/stocks/v1/*")
    with pytest.raises(MalformedAnswerError, match=r"lack \d+ of \d+ that are known"):
        load(world.source, world.database_url, hour=1, ask_again=True)
    assert world.tables("work_units") == before
