"""Whatever happened to a store: stored + explained + owed = expected, cell by cell, and reading changes nothing.

The expectation is counted by SQL of this test's own, straight from the tables.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tickstock_dagster.adapters.bars.load_values import LoadRequest
from tickstock_dagster.adapters.bars.reconcile import pending_reconciles, reconcile_session
from tickstock_dagster.adapters.loading.completeness import completeness_by_group
from tickstock_dagster.adapters.loading.coverage import completeness, gaps_by_reason
from tickstock_dagster.adapters.loading.expectation import Expectation, universe_tickers_between
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.quality.gap_alerts import publish_long_gaps, read_long_gaps
from tickstock_dagster.adapters.sources.protocol import VendorError
from tickstock_dagster.adapters.universes.list_edit import track_universe
from tickstock_dagster.adapters.universes.store import expect_from, write_universe
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, SATURDAY, World

FIRST, LAST = date(2026, 11, 9), date(2026, 11, 20)
DAYS = CALENDAR.sessions(FIRST, LAST)
TICKERS = ("AAPL", "MSFT", "SPY", "THIN", "IPOX")
LISTS = {"core": ("AAPL", "SPY"), "wide": ("MSFT", "SPY", "THIN", "IPOX", "NOBODY")}
TABLES = (
    "bar_gaps, bar_restatements, cache_entries, corporate_actions, ohlcv_daily, outbox, quarantined_bars, "
    "securities, symbol_versions, sync_changes_log, ticker_intervals, work_units"
)

CELLS = """
WITH days AS (
    SELECT day::date AS session FROM generate_series('2026-11-09'::date, '2026-11-20'::date, '1 day') AS day
    WHERE extract(isodow FROM day) < 6
), member AS (
    SELECT DISTINCT c.track_from, (
        SELECT t.security_id FROM ticker_intervals AS t
        WHERE t.ticker = named.ticker ORDER BY t.valid_from DESC LIMIT 1) AS security_id
    FROM cache_entries AS c CROSS JOIN LATERAL jsonb_array_elements_text(c.value) AS named (ticker)
    WHERE c.track
), expected AS (
    SELECT DISTINCT m.security_id, d.session, i.ticker
    FROM member AS m
    JOIN days AS d ON d.session >= m.track_from
    JOIN ticker_intervals AS i ON i.security_id = m.security_id AND i.expected_from <= d.session
        AND (i.expected_to IS NULL OR i.expected_to > d.session))
SELECT e.session, e.ticker,
    (SELECT count(*) FROM ohlcv_daily AS b
        WHERE (b.security_id, b.session) = (e.security_id, e.session) AND NOT b.is_fmv) AS stored,
    (SELECT count(*) FROM bar_gaps AS g
        WHERE (g.security_id, g.session) = (e.security_id, e.session) AND g.reason IN ('no_trade', 'halted'))
        AS explained
FROM expected AS e
"""

Step = Callable[[World], None]


def _load(tickers: tuple[str, ...], first: int, last: int) -> Step:
    def run(world: World) -> None:
        sessions = tuple(DAYS[min(first, last) : max(first, last) + 1])
        with suppress(VendorError):
            world.loader().load(LoadRequest(tickers, sessions))

    return run


def _load_tracked(first: int, last: int, *, owed: bool) -> Step:
    def run(world: World) -> None:
        sessions = tuple(DAYS[min(first, last) : max(first, last) + 1])
        tickers = universe_tickers_between(world.engine, None, sessions[0], sessions[-1])
        if not tickers:
            return
        if not owed:
            expect_from(world.engine, sessions[0], CALENDAR.next_session(sessions[-1]), now=world.now)
        with suppress(VendorError):
            world.loader().load(LoadRequest(tickers, sessions, universes=(), owed=owed))

    return run


def _track(name: str, since: int) -> Step:
    def run(world: World) -> None:
        write_universe(world.engine, name, "list", name, LISTS[name], track_from=DAYS[since], now=world.now)

    return run


def _toggle(name: str, *, track: bool, since: int | None) -> Step:
    def run(world: World) -> None:
        write_universe(world.engine, "third", "list", "Third", ("AAPL",), track_from=None, now=world.now)
        first = None if since is None else DAYS[since]
        track_universe(world.engine, "third", track=track, track_from=first, reason=name, run_id="cli", now=world.now)

    return run


def _break(kind: str, day: int, ticker: str) -> Step:
    def run(world: World) -> None:
        if kind == "mended":
            world.simulator.reset()
            world.simulator.set_now(world.now)
        elif kind == "outage":
            world.simulator.install("server_error", path="*/aggs/*", times=20)
        elif kind == "replaced_day":
            world.simulator.install("replaced_day", day=DAYS[day], ticker=ticker, factor=1.01)
        else:
            world.simulator.install(kind, day=DAYS[day], tickers=[ticker])

    return run


def _reconcile(day: int) -> Step:
    def run(world: World) -> None:
        if universe_tickers_between(world.engine, None, DAYS[day], DAYS[day]):
            with suppress(VendorError):
                reconcile_session(world.loader(), DAYS[day])

    return run


def _later(hours: int) -> Step:
    def run(world: World) -> None:
        world.now += timedelta(hours=hours)
        world.simulator.set_now(world.now)

    return run


def _alert(world: World) -> None:
    publish_long_gaps(world.engine, CALENDAR, market="XNYS", run_id="cli", now=world.now)


DAY = st.integers(0, len(DAYS) - 1)
SOME = st.lists(st.sampled_from(TICKERS), min_size=1, max_size=3, unique=True).map(tuple)
STEPS = st.one_of(
    st.builds(_load, SOME, DAY, DAY),
    st.builds(_load_tracked, DAY, DAY, owed=st.booleans()),
    st.builds(_track, st.sampled_from(sorted(LISTS)), DAY),
    st.builds(_toggle, st.just("tests"), track=st.booleans(), since=st.none() | DAY),
    st.builds(
        _break,
        st.sampled_from(["outage", "missing_symbols", "replaced_day", "mended"]),
        DAY,
        st.sampled_from(TICKERS),
    ),
    st.builds(_reconcile, DAY),
    st.builds(_later, st.sampled_from([1, 30, 24 * 40])),
    st.just(_alert),
)


def _read_everything(world: World) -> None:
    """What status, checks, plan and catch-up read."""
    tracked = Expectation.of_tracked(world.engine)
    cells = tracked.cells(DAYS)
    completeness(world.engine, cells)
    gaps_by_reason(world.engine, cells)
    completeness_by_group(world.engine, DAYS, cells)
    read_long_gaps(world.engine, CALENDAR, world.now)
    pending_reconciles(world.engine, CALENDAR, FIRST, LAST)


def _check(world: World) -> None:
    before = world.tables()
    rows = world.query(CELLS)
    assert all(stored + explained <= 1 for _session, _ticker, stored, explained in rows)
    wanted = {(session, ticker) for session, ticker, stored, explained in rows if not stored and not explained}
    owed = owed_cells(world.engine, CALENDAR, LAST, first=FIRST).select("session", "ticker").rows()
    assert len(owed) == len(set(owed))
    assert set(owed) == wanted
    states = completeness(world.engine, Expectation.of_tracked(world.engine).cells(DAYS))
    assert sum(state.expected for state in states) == len(rows)
    assert sum(state.missing for state in states) == len(wanted)
    _read_everything(world)
    assert world.tables() == before, "reading changes nothing"


def _emptied(world: World) -> None:
    world.simulator.reset()
    world.now = SATURDAY
    world.simulator.set_now(SATURDAY)
    with transaction(world.engine) as connection:
        connection.execute("SET LOCAL ROLE NONE")
        connection.execute(f"TRUNCATE {TABLES} CASCADE")


def _live(world: World, steps: list[Step]) -> None:
    _emptied(world)
    _check(world)
    for step in steps:
        step(world)
        _check(world)


@given(st.lists(STEPS, min_size=3, max_size=6))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stored_explained_and_owed_are_what_is_expected_after_every_step(world: World, steps: list[Step]) -> None:
    _live(world, steps)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@given(st.lists(STEPS, min_size=4, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_over_longer_histories(world: World, steps: list[Step]) -> None:
    _live(world, steps)
