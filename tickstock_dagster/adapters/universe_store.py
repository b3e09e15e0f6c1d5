"""Reading and writing universes: `cache_entries` as TickStockApp reads it."""

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from psycopg.types.json import Jsonb

from tickstock_dagster.adapters.database import transaction
from tickstock_dagster.adapters.sql_files import statement
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.profiles import Profile

LISTED = "us_listed"
"""The universe of every security that the vendor's list of a session has."""


def tracked_tickers(engine: sa.Engine) -> tuple[str, ...]:
    """Members of all tracked universes, each once, in the universes' order: their bars are expected."""
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes_tracked")))


def universe_tickers(engine: sa.Engine, name: str) -> tuple[str, ...]:
    """The members of one universe, in its order.

    Raises:
        BadInputError: there is no such universe, or it has no members.
    """
    with transaction(engine) as connection:
        names = [row[0] for row in connection.execute(statement("universes_names"))]
        if name not in names:
            raise BadInputError("universe", name, choices(name, {*names, LISTED}))
        tickers = tuple(row[0] for row in connection.execute(statement("universe_members"), {"key": name}))
    if not tickers:
        raise BadInputError("universe", name, "a universe with at least one member")
    return tickers


def write_universe(
    engine: sa.Engine, key: str, kind: str, title: str, tickers: Sequence[str], *, track: bool, now: datetime
) -> None:
    """Make a universe or replace its members; the same members again change nothing."""
    values = {"key": key, "type": kind, "name": title, "value": Jsonb(list(tickers)), "track": track, "now": now}
    with transaction(engine) as connection:
        connection.execute(statement("universe_write"), values)


def track_profile(engine: sa.Engine, profile: Profile, *, now: datetime) -> None:
    """Make the profile's universe, if it is missing, and track it."""
    write_universe(engine, profile.universe, "profile", profile.description, profile.tickers, track=True, now=now)


def listed_tickers(engine: sa.Engine, session: date) -> tuple[str, ...]:
    """The securities known to be listed on a session; none where no list of it was taken in."""
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("tickers_listed"), {"session": session}))


def track_listed(engine: sa.Engine, session: date, *, now: datetime) -> tuple[str, ...]:
    """Make `us_listed` of the securities known to be listed on a session, track it, and return its members."""
    tickers = listed_tickers(engine, session)
    write_universe(engine, LISTED, "list", f"Listed on {session}", tickers, track=True, now=now)
    return tickers
