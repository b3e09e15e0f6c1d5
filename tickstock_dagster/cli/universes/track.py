"""`tickstock universe track | untrack`: whether bars of a universe's members are expected on every session."""

from datetime import date, datetime

import click

from tickstock_dagster.cli.workspace import Workspace, open_workspace, parse_session, print_json


@click.command()
@click.argument("universe")
@click.option("--from", "first", help="First session whose bars are expected; the former, else the latest closed one.")
@click.option("--reason", default="tracked by hand", show_default=True, help="Why; logged.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def track(*, universe: str, first: str | None, reason: str, as_json: bool) -> None:
    """Expect bars of a universe's members on every session: the end of day loads them, completeness counts them.

    Of us_listed it takes those listed on the latest closed session.
    """
    workspace = open_workspace()
    now = workspace.now()
    begins = parse_session("--from", first, workspace.calendar, now) if first else None
    key = _universe(workspace, universe, now)
    _write(workspace, key, now, track=True, begins=begins, reason=reason, as_json=as_json)


@click.command()
@click.argument("universe")
@click.option("--reason", default="untracked by hand", show_default=True, help="Why; logged.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def untrack(*, universe: str, reason: str, as_json: bool) -> None:
    """Expect bars of a universe no longer. What is stored and explained stays, and so do its members."""
    from tickstock_dagster.adapters.universes.store import universe_named

    workspace = open_workspace()
    key = universe_named(workspace.engine, universe)
    _write(workspace, key, workspace.now(), track=False, begins=None, reason=reason, as_json=as_json)


def _universe(workspace: Workspace, name: str, now: datetime) -> str:
    """The canonical name; a profile's universe and us_listed are made where they are missing.

    Raises:
        BadInputError: there is no such universe.
    """
    from tickstock_dagster.adapters.securities.listing_sync import ListingSync
    from tickstock_dagster.adapters.universes.store import LISTED, listed_tickers, universe_names, write_universe
    from tickstock_dagster.cli.loading.shipped import find_universe
    from tickstock_dagster.core.universes.profiles import PROFILES

    engine = workspace.engine
    made = universe_names(engine)
    profiles = {profile.universe: profile for profile in PROFILES.values()}
    if name in profiles and name not in made:
        profile = profiles[name]
        write_universe(engine, name, "profile", profile.description, profile.tickers, track_from=None, now=now)
    elif name == LISTED and name not in made:
        latest = workspace.calendar.latest_closed_session(now)
        if not listed_tickers(engine, latest):
            ListingSync(workspace.load_context(lambda: now)).observe(latest)
        title = f"Listed on {latest}"
        write_universe(engine, LISTED, "list", title, listed_tickers(engine, latest), track_from=None, now=now)
    return find_universe(workspace, name, now)


def _write(
    workspace: Workspace, key: str, now: datetime, *, track: bool, begins: date | None, reason: str, as_json: bool
) -> None:
    """Track or untrack a universe, and say what stands.

    Args:
        workspace: the services.
        key: canonical name.
        now: aware.
        track: whether to.
        begins: first session; None: the former one, else the latest closed one.
        reason: for the log.
        as_json: print a JSON object.
    """
    from tickstock_dagster.adapters.universes.list_edit import track_universe
    from tickstock_dagster.adapters.universes.store import universe_entry
    from tickstock_dagster.cli.loading.tracking import owed_in_all

    done = track_universe(workspace.engine, key, track=track, track_from=begins, reason=reason, run_id="cli", now=now)
    entry = universe_entry(workspace.engine, key)
    assert entry is not None  # noqa: S101  # it was found by its name, and none is ever deleted
    owed = owed_in_all(workspace, now)
    if as_json:
        facts = {"tracked": entry.track, "tracked_from": entry.track_from, "members": entry.members}
        print_json({"universe": key, **facts, "changed": done is not None, "owed": owed})
        return
    before = "" if done else ", as before"
    if track:
        click.echo(f"{key}: tracked from {entry.track_from} on{before}, {entry.members:,} members")
    else:
        click.echo(f"{key}: not tracked{before}; its members, bars and gaps stay")
    loads = "; the end of day loads what comes" if track else ""
    click.echo(f"Owed of all that is tracked: {owed:,} bars" + (f" (tickstock status){loads}" if owed else ""))
