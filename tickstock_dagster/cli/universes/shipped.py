"""Universes by name, for the commands: those of the release are created on first use. Not a command.

Commands that only read use them inside of `Workspace.reading`, and leave none behind.
"""

from datetime import datetime

from tickstock_dagster.adapters.securities.etf_profile_store import seed_funds
from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.universes.seeding import Seeding, seed_universes
from tickstock_dagster.adapters.universes.store import LISTED, universe_names
from tickstock_dagster.cli.workspace import Workspace, status
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.securities.etf_seed import seed_members
from tickstock_dagster.core.universes.catalogue import THEMES, shipped_universes


def find_universe(workspace: Workspace, name: str, now: datetime, source: str | None = None) -> str:
    """The canonical name of a universe. If it is a missing one of the release, all of the release's are created.

    Args:
        workspace: the services.
        name: canonical, or an alias.
        now: aware.
        source: of ticker lists, instead of the configured one.

    Raises:
        BadInputError: there is no such universe, neither in the store nor in the release.
    """
    stored = universe_names(workspace.engine)
    if name in stored:
        return stored[name]
    shipped = {alias: universe.key for universe in shipped_universes() for alias in (universe.key, *universe.aliases)}
    if name not in shipped:
        raise BadInputError("universe", name, choices(name, {*stored, *shipped, LISTED}))
    make_shipped(workspace, now, source)
    return shipped[name]


def make_shipped(workspace: Workspace, now: datetime, source: str | None = None) -> Seeding:
    """Create the release's missing universes. Fetches the vendor's list where it is needed to resolve a ticker."""
    funds = seed_funds()
    seeds = {theme: seed_members(funds, theme) for theme in THEMES}
    context = workspace.load_context(lambda: now, source)
    latest = workspace.calendar.latest_closed_session(now)
    with status("Creating the release's universes"):
        if context.source.capabilities.listings:
            tickers = tuple(dict.fromkeys(ticker for named in seeds.values() for ticker in named))
            ListingSync(context).ensure(tickers, latest, latest, latest)
        return seed_universes(workspace.engine, seeds, run_id="cli", now=now)
