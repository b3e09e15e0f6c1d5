"""The universes of the markets outside the US: the tickers that a market's files have shown.

Reading the files belongs in `adapters.sources`.
"""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.store import universe_tickers, write_universe


def market_universe(market: str) -> str:
    """The universe of every ticker that the files of a market outside the US have shown, by the market's MIC."""
    return f"listed_{market.lower()}"


def is_tracked(engine: sa.Engine, key: str) -> bool | None:
    """Whether a universe is tracked; None where there is none of that canonical name."""
    with transaction(engine) as connection:
        row = connection.execute(statement("universes/universe_is_tracked"), {"key": key}).fetchone()
    return row[0] if row else None


def track_market(
    engine: sa.Engine,
    market: str,
    tickers: Sequence[str],
    *,
    track_from: date | None,
    reach: date,
    run_id: str = "cli",
    now: datetime,
) -> None:
    """Add the tickers of a file to the universe of its market, and track that.

    A file ends no membership: who is in it no more is owed. A universe that somebody untracked stays so.

    Args:
        engine: the store's.
        market: MIC of a market outside the US.
        tickers: of the file, qualified with the market; at least one.
        track_from: first session of the load, from which on bars are expected; None: the first session does not move.
        reach: as for `write_universe`.
        run_id: the Dagster run, or cli.
        now: aware.
    """
    key = market_universe(market)
    tracked = is_tracked(engine, key)
    before = () if tracked is None else universe_tickers(engine, key)
    members = tuple(dict.fromkeys((*before, *tickers)))
    begins = (track_from or reach) if tracked is not False else None
    title = f"Listed in {market}, as its files show"
    write_universe(engine, key, "list", title, members, track_from=begins, reach=reach, run_id=run_id, now=now)
