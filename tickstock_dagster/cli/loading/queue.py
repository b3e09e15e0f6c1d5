"""`tickstock queue`: look at the processing queue, try entries again, drop them."""

from datetime import datetime
from typing import Any

import click

from tickstock_dagster.adapters.ledger.queue import drop_entries, retry_entries
from tickstock_dagster.adapters.ledger.queue_reading import (
    QueueEntry,
    entries_elsewhere,
    queue_entries,
    queue_entry,
    waiting_elsewhere,
)
from tickstock_dagster.adapters.securities.equity_type_store import read_equity_types
from tickstock_dagster.adapters.sources.factory import configured_source
from tickstock_dagster.cli.tables import Column, print_table
from tickstock_dagster.cli.typed import COUNT
from tickstock_dagster.cli.workspace import open_workspace, print_json
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.loading.ledger import AGEING, OPEN, Dataset, UnitStatus, urgency
from tickstock_dagster.core.printable import counted, printable

_COLUMNS = (
    Column("id"),
    Column("dataset", leave_out=3),
    Column("symbol"),
    Column("session", leave_out=2),
    Column("type", leave_out=4),
    Column("status"),
    Column("attempts", right=True, leave_out=5),
    Column("urgency", right=True, leave_out=6),
    Column("next attempt or error", text=True, leave_out=1),
)


@click.group(name="queue")
def command() -> None:
    """Look at the processing queue, try its entries again, or drop them.

    Workers are runs of the job process_queue. Bars are not in it: their loads plan what they ask for themselves.
    """


@command.command(name="list")
@click.option(
    "--status", type=click.Choice([str(status) for status in UnitStatus]), help="Entries of this status alone."
)
@click.option("--type", "equity_type", help="Entries of this equity type alone, such as ETF.")
@click.option("--dataset", help="Entries of this dataset alone, such as symbol_details.")
@click.option("--count", type=COUNT, default=50, show_default=True, help="At most so many entries.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def list_entries(
    *, status: str | None, equity_type: str | None, dataset: str | None, count: int, as_json: bool
) -> None:
    """Show entries, the most urgent first; without --status those that are open, and dead letters."""
    _check_dataset(dataset)
    workspace = open_workspace()
    if equity_type is not None and equity_type not in (types := read_equity_types(workspace.engine)):
        raise BadInputError("--type", equity_type, choices(equity_type, types))
    statuses = [UnitStatus(status)] if status else [*sorted(OPEN), UnitStatus.DEAD]
    entries, matching = queue_entries(
        workspace.engine, statuses=statuses, equity_type=equity_type, dataset=dataset, limit=count
    )
    now = workspace.now()
    source = configured_source(workspace.settings)
    elsewhere = entries_elsewhere(workspace.engine, MARKET, source)
    if as_json:
        listed = [_as_json(entry, now) for entry in entries]
        print_json({"matching": matching, "entries": listed, "of_other_sources": elsewhere})
        return
    if not entries:
        click.echo("no entry matches")
    else:
        print_table(_COLUMNS, [_row(entry, now) for entry in entries])
    if matching > len(entries):
        click.echo(f"{matching - len(entries):,} more: --count shows them")
    for words in waiting_elsewhere(elsewhere, source):
        click.echo(printable(words))


@command.command()
@click.argument("unit_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show(*, unit_id: str, as_json: bool) -> None:
    """Show all that the ledger says about one entry."""
    workspace = open_workspace()
    found = _as_json(queue_entry(workspace.engine, unit_id), workspace.now())
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        click.echo(f"{name:<16} {'' if value is None else value}".rstrip())


@command.command()
@click.argument("unit_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
@click.option("--dataset", help="With --all: dead letters of this dataset alone.")
def retry(*, unit_ids: tuple[str, ...], everything: bool, dataset: str | None) -> None:
    """Try entries again now, with a full number of attempts: dead letters, dropped ones, and those that wait."""
    _check_dataset(dataset)
    if bool(unit_ids) == everything:
        raise BadInputError("ID", " ".join(unit_ids), "one or more ids, or --all")
    if dataset is not None and not everything:
        raise BadInputError("--dataset", dataset, "a dataset together with --all")
    workspace = open_workspace()
    count = retry_entries(
        workspace.engine,
        None if everything else unit_ids,
        bounds=workspace.settings.queue_bounds,
        run_id="cli",
        now=workspace.now(),
        dataset=dataset,
    )
    click.echo(f"{counted(count, 'entry is', 'entries are')} tried again")


@command.command()
@click.argument("unit_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why; kept with the entries.")
def drop(*, unit_ids: tuple[str, ...], reason: str) -> None:
    """Drop entries, all that are named or none; they stay in the ledger, with the reason.

    Enqueuing the same again does not open them: `tickstock queue retry` does.
    """
    workspace = open_workspace()
    count = drop_entries(workspace.engine, unit_ids, reason=reason, now=workspace.now())
    click.echo(f"{counted(count, 'entry', 'entries')} dropped")


def _check_dataset(dataset: str | None) -> None:
    """Refuse, before any server is started, what no entry can be about."""
    if dataset is not None and dataset not in set(map(str, Dataset)):
        raise BadInputError("--dataset", dataset, choices(dataset, map(str, Dataset)))


def _as_json(entry: QueueEntry, now: datetime) -> dict[str, Any]:
    points = urgency(entry.priority, now - entry.waiting_since) / AGEING if entry.waiting_since else None
    return entry.as_json() | {"urgency": None if points is None else round(points, 2)}


def _row(entry: QueueEntry, now: datetime) -> list[str]:
    points = _as_json(entry, now)["urgency"]
    again = f"{entry.next_attempt_at:%Y-%m-%d %H:%M:%S} UTC" if entry.next_attempt_at else ""
    days = str(entry.first_session)
    return [
        entry.id,
        entry.dataset,
        entry.symbol,
        days if entry.first_session == entry.last_session else f"{days}..{entry.last_session}",
        entry.equity_type or "",
        entry.status,
        f"{entry.attempts}",
        "" if points is None else f"{points:,.1f}",
        ", ".join(filter(None, (again, entry.last_error or ""))),
    ]
