"""Making the universes of the catalogue: their entries, the first version of their rules, the themes' seed members."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.membership_rows import lock_memberships, write_projection
from tickstock_dagster.adapters.universes.membership_store import Determination, apply_determinations
from tickstock_dagster.adapters.universes.rules_store import write_rule
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.universes.catalogue import THEMES, ShippedUniverse, shipped_universes, theme_key
from tickstock_dagster.core.universes.memberships import ALWAYS


@dataclass(frozen=True, slots=True)
class Seeding:
    """What one call of `seed_universes` did.

    Attributes:
        made: universes that were missing.
        joined: seed members that were not members before.
        unknown: seed tickers, by theme, whose security is not known; they join once it is.
    """

    made: tuple[str, ...]
    joined: int
    unknown: Mapping[str, tuple[str, ...]]


def seed_universes(engine: sa.Engine, seeds: Mapping[str, Sequence[str]], *, run_id: str, now: datetime) -> Seeding:
    """Make the missing universes of the catalogue and add the themes' seeds, in one transaction.

    A theme's seeds are members on every session before the first determined one. Until there is one, `cache_entries`
    names all seeds, known or not, so that a load asks for them. Existing universes stay as they are: the same call
    again changes nothing.

    Args:
        engine: the store's.
        seeds: tickers by theme, in their order.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        BadInputError: `seeds` names an unknown theme, no ticker, or a ticker twice.
    """
    for theme, tickers in seeds.items():
        if theme not in THEMES:
            raise BadInputError("theme", theme, choices(theme, THEMES))
        if not tickers or len(set(tickers)) != len(tickers):
            raise BadInputError(f"seeds of {theme}", ", ".join(tickers), "at least one ticker, each once")
    made: list[str] = []
    unknown: dict[str, tuple[str, ...]] = {}
    joined = 0
    with transaction(engine) as connection:
        lock_memberships(connection)
        for universe in shipped_universes():
            named = seeds.get(universe.category, ()) if universe.type == "theme" else ()
            if _make(connection, universe, named, run_id, now):
                made.append(universe.key)
        for theme, tickers in seeds.items():
            added, missing = _seed(connection, theme_key(theme), tickers, run_id, now)
            joined += added
            if missing:
                unknown[theme] = missing
    return Seeding(tuple(made), joined, unknown)


def _make(
    connection: psycopg.Connection[Any],
    universe: ShippedUniverse,
    seeds: Sequence[str],
    run_id: str,
    now: datetime,
) -> bool:
    values = {
        "key": universe.key,
        "type": universe.type,
        "name": universe.title,
        "value": json.dumps([*universe.tickers, *seeds]),
        "category": universe.category,
        "metadata": json.dumps({"title": universe.title}),
        "membership": universe.membership,
        "aliases": list(universe.aliases),
        "now": now,
    }
    if not connection.execute(statement("universes/universe_create"), values).rowcount:
        return False
    if universe.rule:
        write_rule(connection, universe.key, universe.rule, reason="shipped with the release", run_id=run_id, now=now)
    return True


def _seed(
    connection: psycopg.Connection[Any], universe: str, tickers: Sequence[str], run_id: str, now: datetime
) -> tuple[int, tuple[str, ...]]:
    """Add a theme's seeds; returns how many joined, and the unknown tickers."""
    holders = dict(
        connection.execute(statement("universes/universe_seed_holders"), {"tickers": list(tickers)}).fetchall()
    )
    missing = tuple(ticker for ticker in tickers if ticker not in holders)
    values = {"universe": universe, "session": ALWAYS}
    newest, seeded = connection.execute(statement("universes/universe_seed_state"), values).fetchone() or (None, None)
    before = list(seeded or ())
    new = [holders[ticker] for ticker in tickers if ticker in holders and holders[ticker] not in before]
    if new:
        wanted = Determination(
            universe, ALWAYS, (*before, *new), "seed", reasons=dict.fromkeys(new, "seed of the theme")
        )
        apply_determinations(connection, [wanted], run_id=run_id, now=now)
        if newest in (None, ALWAYS):
            write_projection(connection, universe, tickers, changed=True, at=now)
    return len(new), missing
