"""Reading and writing universes: `cache_entries` as TickStockApp reads it.

Longer than 250 lines because what an entry is called, holds and tracks is read and written by one set of statements.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime

import psycopg
import sqlalchemy as sa
from psycopg.types.json import Jsonb

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.universes.catalogue import shipped_universes
from tickstock_dagster.core.universes.profiles import Profile

LISTED = "us_listed"
"""The universe of every security in the vendor's list of a session."""


def universe_names(engine: sa.Engine) -> dict[str, str]:
    """Every name of a universe, aliases included, with its canonical name; a key counts before another's alias."""
    with transaction(engine) as connection:
        return dict(connection.execute(statement("universes/universes_names")).fetchall())


def lacks_shipped_universes(engine: sa.Engine) -> bool:
    """Whether the store lacks a universe of the release, by name or alias."""
    return not {universe.key for universe in shipped_universes()} <= set(universe_names(engine).values())


def universe_named(engine: sa.Engine, name: str) -> str:
    """The canonical name of a universe, given that name or an alias.

    Raises:
        BadInputError: there is no such universe.
    """
    names = universe_names(engine)
    if name == LISTED and name not in names:
        raise BadInputError("universe", name, f"it exists once it is tracked (`tickstock universe track {name}`)")
    if name not in names:
        raise BadInputError("universe", name, choices(name, set(names.values()), also={*names, LISTED}))
    return names[name]


def refuse_alias(connection: psycopg.Connection, name: str) -> None:
    """Refuse to make a universe under another one's alias: whoever reads that alias would get the new one.

    Raises:
        BadInputError: the name is an alias of a universe.
    """
    row = connection.execute(statement("universes/universe_alias_of"), {"name": name}).fetchone()
    if row:
        raise BadInputError("universe", name, f"it is another name of {row[0]}; a new universe needs one of its own")


def universe_tickers(engine: sa.Engine, name: str) -> tuple[str, ...]:
    """The members of one universe, in its order; for a dated one, those of the newest session.

    Raises:
        BadInputError: there is no such universe.
    """
    key = universe_named(engine, name)
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes/universe_members"), {"key": key}))


def write_universe(
    engine: sa.Engine,
    key: str,
    kind: str,
    title: str,
    tickers: Sequence[str],
    *,
    track_from: date | None,
    reach: date | None = None,
    run_id: str = "cli",
    now: datetime,
) -> None:
    """Make a list or replace its members; the same members again change nothing. That it is tracked is logged.

    Args:
        engine: the store's.
        key: canonical name.
        kind: type of the universe: list or profile.
        title: shown to people.
        tickers: all members, in their order.
        track_from: first session on which bars of its members are expected; None: they are not. One that is tracked
            already keeps its own first session if that is earlier, or later than `reach`.
        reach: the day after the sessions that are loaded from `track_from` on; by default `track_from` itself.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        BadInputError: it would be empty, or its name is an alias of another universe.
    """
    from tickstock_dagster.adapters.universes.membership_rows import log_tracking  # with every event, for a write alone

    if not tickers:
        raise BadInputError(f"members of {key}", "none", "at least one ticker: no universe is empty")
    values = {
        "key": key,
        "type": kind,
        "name": title,
        "value": Jsonb(list(tickers)),
        "track_from": track_from,
        "reach": reach or track_from,
        "now": now,
    }
    with transaction(engine) as connection:
        refuse_alias(connection, key)
        former = connection.execute(statement("universes/universe_tracked"), {"universe": key}).fetchone()
        connection.execute(statement("universes/universe_write"), values)
        log_tracking(connection, key, former, reason="asked to be loaded", run_id=run_id, now=now)


def track_profile(
    engine: sa.Engine, profile: Profile, *, track_from: date, reach: date | None = None, now: datetime
) -> None:
    """Make the profile's universe if it is missing, and track it.

    Args:
        engine: the store's.
        profile: its members are the universe's.
        track_from: as for `write_universe`.
        reach: as for `write_universe`.
        now: aware.
    """
    write_universe(
        engine,
        profile.universe,
        "profile",
        profile.description,
        profile.tickers,
        track_from=track_from,
        reach=reach,
        now=now,
    )


def expect_from(
    engine: sa.Engine,
    first: date,
    reach: date,
    *,
    universe: str | None = None,
    market: str = MARKET,
    now: datetime,
) -> int:
    """Expect what is tracked from `first` on, as a load of all those sessions asks for.

    Universes whose first session is later than `reach` keep it: the sessions between were not asked for.

    Args:
        engine: the store's.
        first: first session of the load.
        reach: the session after its last one.
        universe: canonical name of the one that is loaded; None: all that have members in the market.
        market: MIC of the calendar.
        now: aware.

    Returns:
        The number of universes whose first session moved back.
    """
    values = {"first": first, "reach": reach, "universe": universe, "market": market, "abroad": list(ABROAD)}
    values |= {"now": now}
    with transaction(engine) as connection:
        return connection.execute(statement("universes/universes_expect_from"), values).rowcount


def listed_tickers(engine: sa.Engine, session: date) -> tuple[str, ...]:
    """The US securities listed on a session, as far as known; none where no list of that session is stored."""
    values = {"session": session, "abroad": list(ABROAD)}
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes/tickers_listed"), values))


def track_listed(
    engine: sa.Engine, session: date, *, track_from: date, reach: date | None = None, now: datetime
) -> tuple[str, ...]:
    """Make `us_listed` from the securities listed on a session, track it, and return its members.

    Writes and returns nothing where no list of that session is stored.

    Args:
        engine: the store's.
        session: a session.
        track_from: as for `write_universe`.
        reach: as for `write_universe`.
        now: aware.
    """
    tickers = listed_tickers(engine, session)
    if tickers:
        title = f"Listed on {session}"
        write_universe(engine, LISTED, "list", title, tickers, track_from=track_from, reach=reach, now=now)
    return tickers


def join_listed(
    engine: sa.Engine, tickers: Sequence[str], *, track_from: date, reach: date | None = None, now: datetime
) -> None:
    """Add the tickers of a file to `us_listed`, and track it; a file is no list of the market and ends no membership.

    Args:
        engine: the store's.
        tickers: at least one.
        track_from: as for `write_universe`.
        reach: as for `write_universe`.
        now: aware.
    """
    before = universe_tickers(engine, LISTED) if LISTED in universe_names(engine) else ()
    members = tuple(dict.fromkeys((*before, *tickers)))
    title = "Listed, as lists and files show"
    write_universe(engine, LISTED, "list", title, members, track_from=track_from, reach=reach, now=now)


def tracked_universes(engine: sa.Engine, market: str = MARKET) -> dict[str, date]:
    """The tracked universes with members in a market, each with the first session on which bars are expected."""
    values = {"market": market, "abroad": list(ABROAD)}
    with transaction(engine) as connection:
        return dict(connection.execute(statement("universes/tracked_universes"), values).fetchall())


@dataclass(frozen=True, slots=True)
class UniverseEntry:
    """One line of the overview.

    `members` as of now; `track_from` is the first session on which their bars are expected while `track` is set, None
    where it never was; `determined` is the newest determined session, None for lists.
    """

    key: str
    type: str
    name: str
    membership: str
    members: int
    track: bool
    track_from: date | None
    aliases: tuple[str, ...]
    last_universe_update: datetime | None
    rule_version: int | None
    determined: date | None


def universe_entry(engine: sa.Engine, key: str) -> UniverseEntry | None:
    """One universe by its canonical name; None where there is none."""
    return next((entry for entry in universes_overview(engine) if entry.key == key), None)


def universes_overview(engine: sa.Engine) -> list[UniverseEntry]:
    """Every universe, by type and name."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/universes_overview")).fetchall()
    names = [field.name for field in fields(UniverseEntry)]
    return [UniverseEntry(**{**dict(zip(names, row, strict=True)), "aliases": tuple(row[7])}) for row in rows]
