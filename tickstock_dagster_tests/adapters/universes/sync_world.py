"""A store full of facts for the synchronisation of universes, written directly: stocks, ETFs, bars, shares, seeds."""

from datetime import UTC, date, datetime

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.universes.facts import read_facts
from tickstock_dagster.adapters.universes.seeding import seed_universes
from tickstock_dagster.adapters.universes.sync_reading import read_delisted, read_states
from tickstock_dagster.adapters.universes.sync_store import stage
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.universes import sync_tasks
from tickstock_dagster.core.universes.catalogue import THEMES
from tickstock_dagster.core.universes.synchronisation import StagedTask
from tickstock_dagster_tests.adapters.store_helpers import query

FRI = date(2026, 11, 20)
THU = date(2026, 11, 19)
NOW = datetime(2026, 11, 21, 15, tzinfo=UTC)
SESSIONS = library_calendar("XNYS").sessions(date(2026, 9, 1), FRI)[-24:]
RUN = "run-1"

_SECURITIES = """
INSERT INTO securities (name, composite_figi, equity_type, primary_exchange, cik, sector, list_date, list_date_source,
    etf_type, themes, aum_usd, expense_ratio, correlation_reference, updated_at)
SELECT name, 'FIGI-' || ticker, equity_type, 'XNYS', cik, sector, list_date, 'vendor', theme,
    CASE WHEN theme IS NOT NULL THEN ARRAY[theme] END, aum, ratio, reference, now()
FROM world ORDER BY ticker
"""
_WORLD = """
CREATE TABLE world AS
SELECT 'S' || to_char(n, 'FM00000') AS ticker, 'Stock ' || n AS name, 'CS' AS equity_type,
    lpad(n::text, 10, '0') AS cik, 'Technology' AS sector,
    CASE WHEN n > %(stocks)s - %(young)s THEN DATE '2026-10-01' ELSE DATE '2012-01-03' END AS list_date,
    NULL::text AS theme, NULL::numeric AS aum, NULL::numeric AS ratio, NULL::text AS reference,
    (1000000000000 / n)::bigint AS shares
FROM generate_series(1, %(stocks)s) AS n
UNION ALL
SELECT upper(left(theme, 3)) || n, initcap(theme) || ' fund ' || n, 'ETF', NULL, NULL, DATE '2012-01-03', theme,
    2000000000 + n * 1000000, 0.001, 'SPY', NULL
FROM unnest(%(themes)s::text[]) AS theme, generate_series(1, 12) AS n
UNION ALL
SELECT 'SPY', 'Market fund', 'ETF', NULL, NULL, DATE '1993-01-29', 'broad_market', 500000000000, 0.0009, NULL, NULL
"""
_INTERVALS = """
INSERT INTO ticker_intervals
SELECT s.security_id, w.ticker, w.list_date, NULL, 'vendor', w.list_date, %(last)s
FROM world AS w JOIN securities AS s ON s.composite_figi = 'FIGI-' || w.ticker
"""
_BARS = """
INSERT INTO ohlcv_daily (
    security_id, session, ticker, closes_at, open, high, low, close, volume, source, status, loaded_at)
SELECT i.security_id, d.session, i.ticker, d.session + interval '21 hours', 50, 50, 50, 50, 1000000, 'tests', 'final',
    now()
FROM ticker_intervals AS i CROSS JOIN unnest(%(sessions)s::date[]) AS d (session)
"""
_SHARES = """
INSERT INTO security_shares (security_id, as_of, shares, source, known_at)
SELECT s.security_id, DATE '2026-10-01', w.shares, 'tests', now()
FROM world AS w JOIN securities AS s ON s.composite_figi = 'FIGI-' || w.ticker WHERE w.shares IS NOT NULL
"""


def fill(database_url: str, stocks: int = 40, young: int = 2) -> None:
    """Stocks S00001 (the largest) to the smallest, the last `young` of them listed since October; twelve funds a theme,
    of which the first eight are seeds; 24 sessions at one price. Every universe of the catalogue is made, and
    the themes are tracked."""
    query(database_url, _WORLD, {"stocks": stocks, "young": young, "themes": list(THEMES)})
    query(database_url, _SECURITIES)
    query(database_url, _INTERVALS, {"last": FRI})
    query(database_url, _BARS, {"sessions": SESSIONS})
    query(database_url, _SHARES)
    query(database_url, "ANALYZE")
    seeds = {theme: [f"{theme[:3].upper()}{n}" for n in range(1, 9)] for theme in THEMES}
    seed_universes(open_engine(database_url), seeds, run_id="seed", now=datetime(2026, 11, 1, tzinfo=UTC))
    query(database_url, "UPDATE cache_entries SET track = true, track_from = '2026-01-02' WHERE type = 'theme'")


def delist(database_url: str, *tickers: str, on: date = FRI) -> None:
    """Securities are off the exchange from a day on."""
    query(
        database_url,
        "WITH gone AS (UPDATE ticker_intervals SET valid_to = %(on)s, seen_to = %(on)s - 1 "
        "WHERE ticker = ANY (%(tickers)s) RETURNING security_id) "
        "UPDATE securities SET delisted_on = %(on)s WHERE security_id IN (SELECT security_id FROM gone)",
        {"on": on, "tickers": list(tickers)},
    )


def members(database_url: str, universe: str, on: date = FRI) -> set[str]:
    """Tickers of a dated universe's members on a day, as known now."""
    rows = query(
        database_url,
        "SELECT s.symbol FROM universe_memberships AS m JOIN symbols AS s USING (security_id) "
        "WHERE m.universe = %(universe)s AND m.known_to IS NULL AND m.valid_from <= %(on)s "
        "AND (m.valid_to IS NULL OR m.valid_to > %(on)s)",
        {"universe": universe, "on": on},
    )
    return {row[0] for row in rows}


def stage_all(database_url: str, session: date) -> None:
    """What the five tasks propose for a session, staged."""
    engine = open_engine(database_url)
    facts, states = read_facts(engine, session), read_states(engine, session)
    results = {
        "market_cap_recalculation": sync_tasks.market_cap_recalculation(states, facts),
        "ipo_universe_assignment": sync_tasks.ipo_universe_assignment(states, facts),
        "delisted_cleanup": sync_tasks.delisted_cleanup(states, read_delisted(engine, session)),
        "theme_rebalancing": sync_tasks.theme_rebalancing(states, facts, {}, None),
        "etf_universe_maintenance": sync_tasks.etf_universe_maintenance(states, facts),
    }
    for task, result in results.items():
        staged = StagedTask(task, result.proposals, result.examined, 0.25, result.skipped)
        stage(engine, session, staged, run_id=RUN, now=NOW)
