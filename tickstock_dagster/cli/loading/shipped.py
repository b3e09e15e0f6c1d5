"""Universes by name, for the commands, and the seeds of the release's themes. Not a command.

Migrating creates the release's universes; a theme has members once it is known which securities its seeds are. Commands
that only read find that out inside of `Workspace.reading`, and leave nothing behind.
"""

from datetime import datetime

from tickstock_dagster.adapters.securities.listing_sync import ListingSync
from tickstock_dagster.adapters.universes.seeding import release_seeds, seed_universes, seeds_wait
from tickstock_dagster.adapters.universes.store import universe_named
from tickstock_dagster.cli.workspace import Workspace, status


def find_universe(workspace: Workspace, name: str, now: datetime, source: str | None = None) -> str:
    """The canonical name of a universe; of a theme without members, once its seeds have joined.

    Args:
        workspace: the services.
        name: canonical, or an alias.
        now: aware.
        source: of ticker lists, instead of the configured one.

    Raises:
        BadInputError: there is no such universe.
    """
    key = universe_named(workspace.engine, name)
    if seeds_wait(workspace.engine, key):
        join_seeds(workspace, now, source)
    return key


def join_seeds(workspace: Workspace, now: datetime, source: str | None = None) -> None:
    """Let the themes' seeds join. Fetches the vendor's list where it is needed to resolve a ticker."""
    seeds = release_seeds()
    context = workspace.load_context(lambda: now, source)
    latest = workspace.calendar.latest_closed_session(now)
    with status("Looking up the seeds of the themes"):
        if context.source.capabilities.listings:
            tickers = tuple(dict.fromkeys(ticker for named in seeds.values() for ticker in named))
            ListingSync(context).ensure(tickers, latest, latest, latest)
        seed_universes(workspace.engine, seeds, run_id="cli", now=now)


def join_known_seeds(workspace: Workspace, now: datetime) -> None:
    """Let the seeds join whose tickers are known by now, after a command that stored lists; asks no vendor."""
    if seeds_wait(workspace.engine):
        seed_universes(workspace.engine, release_seeds(), run_id="cli", now=now)
