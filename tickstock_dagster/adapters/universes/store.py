"""Reading and writing universes: `cache_entries` as TickStockApp reads it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

import sqlalchemy as sa
from psycopg.types.json import Jsonb

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.universes.profiles import Profile

LISTED = "us_listed"
"""The universe of every security in the vendor's list of a session."""


def universe_names(engine: sa.Engine) -> dict[str, str]:
    """Every name of a universe, aliases included, with its canonical name."""
    with transaction(engine) as connection:
        return dict(connection.execute(statement("universes/universes_names")).fetchall())


def universe_named(engine: sa.Engine, name: str) -> str:
    """The canonical name of a universe, given that name or an alias.

    Raises:
        BadInputError: there is no such universe.
    """
    names = universe_names(engine)
    if name not in names:
        raise BadInputError("universe", name, choices(name, {*names, LISTED}))
    return names[name]


def universe_tickers(engine: sa.Engine, name: str) -> tuple[str, ...]:
    """The members of one universe, in its order; for a dated one, those of the newest session.

    Raises:
        BadInputError: there is no such universe.
    """
    key = universe_named(engine, name)
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes/universe_members"), {"key": key}))


def write_universe(
    engine: sa.Engine, key: str, kind: str, title: str, tickers: Sequence[str], *, track: bool, now: datetime
) -> None:
    """Make a list or replace its members; the same members again change nothing.

    Args:
        engine: the store's.
        key: canonical name.
        kind: type of the universe: list or profile.
        title: shown to people.
        tickers: all members, in their order.
        track: whether bars of its members are expected.
        now: aware.

    Raises:
        BadInputError: it would be empty.
    """
    if not tickers:
        raise BadInputError(f"members of {key}", "none", "at least one ticker: no universe is empty")
    values = {"key": key, "type": kind, "name": title, "value": Jsonb(list(tickers)), "track": track, "now": now}
    with transaction(engine) as connection:
        connection.execute(statement("universes/universe_write"), values)


def track_profile(engine: sa.Engine, profile: Profile, *, now: datetime) -> None:
    """Make the profile's universe if it is missing, and track it."""
    write_universe(engine, profile.universe, "profile", profile.description, profile.tickers, track=True, now=now)


def listed_tickers(engine: sa.Engine, session: date) -> tuple[str, ...]:
    """The US securities listed on a session, as far as known; none where no list of that session is stored."""
    values = {"session": session, "abroad": list(ABROAD)}
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes/tickers_listed"), values))


def track_listed(engine: sa.Engine, session: date, *, now: datetime) -> tuple[str, ...]:
    """Make `us_listed` from the securities listed on a session, track it, and return its members.

    Writes and returns nothing where no list of that session is stored.
    """
    tickers = listed_tickers(engine, session)
    if tickers:
        write_universe(engine, LISTED, "list", f"Listed on {session}", tickers, track=True, now=now)
    return tickers


def join_listed(engine: sa.Engine, tickers: Sequence[str], *, now: datetime) -> None:
    """Add the tickers of a file to `us_listed`, and track it; a file is no list of the market and ends no membership.

    Args:
        engine: the store's.
        tickers: at least one.
        now: aware.
    """
    before = universe_tickers(engine, LISTED) if LISTED in universe_names(engine) else ()
    members = tuple(dict.fromkeys((*before, *tickers)))
    write_universe(engine, LISTED, "list", "Listed, as lists and files show", members, track=True, now=now)


@dataclass(frozen=True, slots=True)
class UniverseEntry:
    """One line of the overview: `members` as of now; `determined` is the newest determined session, None for lists."""

    key: str
    type: str
    name: str
    membership: str
    members: int
    track: bool
    aliases: tuple[str, ...]
    last_universe_update: datetime | None
    rule_version: int | None
    determined: date | None


def universes_overview(engine: sa.Engine) -> list[UniverseEntry]:
    """Every universe, by type and name."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/universes_overview")).fetchall()
    names = [field.name for field in fields(UniverseEntry)]
    return [UniverseEntry(**{**dict(zip(names, row, strict=True)), "aliases": tuple(row[6])}) for row in rows]
