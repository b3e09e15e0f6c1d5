"""Tracked securities: the tickers whose bars are expected, a session's completeness over them, and the next retry."""

from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.loading.coverage import completeness
from tickstock_dagster.adapters.loading.expectation import Expectation, universe_tickers_between
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.listing_store import read_intervals
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET
from tickstock_dagster.core.loading.coverage import Completeness


def tracked_tickers(
    engine: sa.Engine, first: date = date.max, last: date = date.max, *, market: str = MARKET
) -> tuple[str, ...]:
    """Members of all tracked universes, each once, in the universes' order: their bars are expected.

    Args:
        engine: the store's.
        first: for dated universes, members on some day from here on; by default, on the newest.
        last: the last such day.
        market: MIC of the calendar; members listed elsewhere are left out.
    """
    return universe_tickers_between(engine, None, first, last, market=market)


def tracked_state(
    engine: sa.Engine, session: date, tracked: Expectation | None = None, *, market: str = MARKET
) -> Completeness | None:
    """The completeness of one session over all tracked securities of a market; None where nothing is tracked on it.

    Args:
        engine: the store's.
        session: a session of the market.
        tracked: covers at least the tracked securities of the session, where the caller has it already.
        market: MIC of the calendar.
    """
    values = {"session": session, "market": market, "abroad": list(ABROAD)}
    with transaction(engine) as connection:
        begun = connection.execute(statement("universes/universes_begun"), values).fetchone()
    if begun is None or not begun[0]:
        return None
    tracked = tracked or Expectation.of_tracked(engine, session, session, market=market)
    if tracked.intervals.is_empty() and not tracked_tickers(engine, date.min, market=market):
        return None
    states = completeness(engine, tracked.cells([session]))
    return states[0] if states else Completeness(session, 0, 0, 0, 0)


def unknown_tickers(engine: sa.Engine, market: str = MARKET) -> tuple[str, ...]:
    """Tracked tickers that no list of the vendor has: no bars of them are expected, so no gap shows their absence."""
    tickers = tracked_tickers(engine, market=market)
    return tuple(sorted(set(tickers) - set(read_intervals(engine, tickers)["ticker"])))


def next_retry(engine: sa.Engine, session: date, market: str = MARKET) -> datetime | None:
    """When the first open gap of a session's tracked securities is due for a retry; None where there is none."""
    ids = Expectation.of_tracked(engine, session, session, market=market).security_ids
    with transaction(engine) as connection:
        row = connection.execute(
            statement("loading/gaps_next_retry"), {"session": session, "security_ids": ids}
        ).fetchone()
    return row[0] if row else None
