"""`tickstock maintenance`: the job of the closed days at once, or what it would do."""

import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tickstock_dagster.adapters.operations.maintenance import MaintenanceReport, maintain
from tickstock_dagster.adapters.universes.correlation_store import (
    refresh_correlation_history,
    sessions_without_correlations,
)
from tickstock_dagster.adapters.universes.sync_reading import sessions_due
from tickstock_dagster.cli.workspace import Workspace, open_workspace, print_json
from tickstock_dagster.core.calendars.markets import MARKET

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done; nothing is changed.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, dry_run: bool, as_json: bool) -> None:
    """Fill in missing correlations, remove records of work past their retention, and vacuum every table.

    Bars, gaps, restatements, memberships and the logs of changes are never removed. Loads may run meanwhile.
    """
    workspace = open_workspace()
    facts, report = _maintain(workspace, workspace.now(), dry_run=dry_run)
    if as_json:
        print_json(facts | {"tables": {name: asdict(care) for name, care in report.tables.items()}})
        return
    removed = ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in report.removed.items())
    click.echo(f"{'would be removed' if dry_run else 'removed'}: {removed}")
    if dry_run:
        click.echo(f"would be vacuumed: {len(report.tables)} tables, {report.bytes_before / 2**20:,.1f} MiB")
    else:
        click.echo(
            f"vacuumed: {facts['tables_vacuumed']} of {len(report.tables)} tables, {report.bytes_before / 2**20:,.1f} "
            f"to {report.bytes_after / 2**20:,.1f} MiB, {report.seconds:.1f} s"
        )
        for name, why in report.skipped.items():
            click.echo(f"not vacuumed: {name}, {why}")
    written = "" if dry_run else f", {facts['correlations_written']:,} values written"
    click.echo(f"complete sessions without correlations: {facts['correlation_sessions']}{written}")
    click.echo(f"complete sessions whose universes wait for the synchronisation: {facts['universe_sessions']}")


def _maintain(workspace: Workspace, now: datetime, *, dry_run: bool) -> tuple[dict[str, Any], MaintenanceReport]:
    engine, calendar = workspace.engine, workspace.calendar
    session = calendar.latest_closed_session(now)
    written = 0
    if dry_run:
        missing = len(sessions_without_correlations(engine, MARKET, session))
    else:
        with click.progressbar(length=1, label="Correlations", file=sys.stderr) as bar:
            history = refresh_correlation_history(engine, calendar, MARKET, now, lambda *step: _show(bar, *step))
        missing, written = len(history.sessions), history.written
    with click.progressbar(length=1, label="Tables", file=sys.stderr) as bar:
        report = maintain(
            engine,
            workspace.settings.retention,
            market=MARKET,
            session=session,
            run_id="cli",
            clock=workspace.clock,
            dry_run=dry_run,
            progress=lambda done, total, _what: _show(bar, done, total),
        )
    facts = {
        "session": str(session),
        "dry_run": dry_run,
        "removed": dict(report.removed),
        "tables_vacuumed": len(report.tables) - len(report.skipped),
        "bytes_before": report.bytes_before,
        "bytes_after": report.bytes_after,
        "correlation_sessions": missing,
        "correlations_written": written,
        "universe_sessions": len(sessions_due(engine, MARKET)),
        "seconds": round(report.seconds, 3),
    }
    return facts, report


def _show(bar: "ProgressBar[int]", done: int, total: int) -> None:
    bar.length = total
    bar.update(done - bar.pos)
