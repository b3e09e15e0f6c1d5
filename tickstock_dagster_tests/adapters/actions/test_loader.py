"""Splits and dividends in versions: what is new, changed, withdrawn, refused; asked for once a span."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.request import Request, urlopen

import polars as pl
import pytest

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
from tickstock_dagster_tests.adapters.load_helpers import World
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
    return load_corporate_actions(context, *span, **options)


def split(ticker: str, ex_date: date, to: float, of: float = 1.0) -> tuple[Any, ...]:
    return (f"S-{ticker}-{ex_date}", ticker, ex_date, of, to, "forward_split")


def dividend(ticker: str, ex_date: date, cash: float, kind: str = "recurring") -> tuple[Any, ...]:
    declared = ex_date - timedelta(days=20)
    return (f"D-{ticker}-{ex_date}", ticker, ex_date, declared, ex_date, ex_date + timedelta(days=9), cash, "USD", kind)


MAY = date(2026, 5, 15)


def test_actions_are_stored_once_and_a_span_is_asked_for_once(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("AAA", MAY, 2)]
    told.dividend_rows = [dividend("BBB", MAY, 0.25), dividend("BBB", MAY, 1.5, "special")]
    assert load(told, migrated_database_url) == ActionsReport(3, 0, 0, 0, (), 2)
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
    report = load(told, migrated_database_url, hour=1, last=date(2026, 6, 30))
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
    words = r"simulator: splits and dividends 2026-01-02\.\.2026-11-20 lack 20 of 20 that are known"
    with pytest.raises(MalformedAnswerError, match=words):
        load(told, migrated_database_url, hour=1, ask_again=True)
    assert query(migrated_database_url, VERSIONS) == before
    told.dividend_rows = [dividend("AAA", MAY + timedelta(days=day), 0.1) for day in range(18)]
    assert load(told, migrated_database_url, hour=2, ask_again=True).ended == 2


def test_a_row_of_nobody_is_counted_and_nothing_else(migrated_database_url: str, told: Told) -> None:
    told.split_rows = [split("ZZZ", MAY, 2), split("AAA", MAY, 2)]
    report = load(told, migrated_database_url)
    assert (report.inserted, report.unresolved, report.refused) == (1, 1, ())


def test_an_answer_that_does_not_come_changes_nothing_is_noted_and_is_asked_for_again(
    migrated_database_url: str, told: Told
) -> None:
    told.split_rows, told.error = [split("AAA", MAY, 2)], UpstreamError("the vendor is down")
    with pytest.raises(UpstreamError, match="down"):
        load(told, migrated_database_url)
    assert query(migrated_database_url, VERSIONS) == []
    assert query(migrated_database_url, "SELECT count(*) FROM work_units") == [(0,)]
    assert query(migrated_database_url, "SELECT count(*) FROM vendor_calls") == [(1,)]
    told.error = None
    assert load(told, migrated_database_url).inserted == 1


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
    before = world.tables()
    world.simulator.install("empty_200", path="/stocks/v1/*")
    with pytest.raises(MalformedAnswerError, match=r"lack \d+ of \d+ that are known"):
        load(world.source, world.database_url, hour=1, ask_again=True)
    assert world.tables() == before
