"""`tickstock load`: bars of symbols, a universe or a profile over a range of sessions."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tickstock_dagster.adapters.universes.store import LISTED
from tickstock_dagster.cli.loading.cost import CommandCost
from tickstock_dagster.cli.loading.selection import Selection, SelectionOptions, select, selection_options
from tickstock_dagster.cli.loading.shipped import join_known_seeds
from tickstock_dagster.cli.loading.tracking import besides_words, owed_in_all, refuse_untrackable, track
from tickstock_dagster.cli.workspace import Workspace, console, open_workspace, print_json
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.loading.coverage import FINAL_REASONS
from tickstock_dagster.core.universes.catalogue import theme_key, theme_references

if TYPE_CHECKING:
    from tickstock_dagster.cli.loading.runs import RunOutcome


_ACTIONS = {
    "refused": "splits or dividends were not stored",
    "unresolved": "splits or dividends are of a ticker that no known security held on the day",
    "ignored": "splits or dividends change nothing",
}
"""What becomes of some actions of a file or the vendor, by the name of their count in a run's metadata."""


@click.command()
@selection_options
@click.option("--track", "tracks", is_flag=True, help="Track it: its bars are expected on every session from then on.")
@click.option("--ask-again", is_flag=True, help="Request open gaps now, although their next retry is not due yet.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, tracks: bool, ask_again: bool, as_json: bool, **options: Any) -> None:
    """Load missing bars; stored bars cost no vendor call, nor do gaps whose next retry is not due.

    Without --universe, --symbols or --profile the default profile is loaded. A profile is tracked by loading it, a
    universe with --track. At its end the load says what is tracked and what is owed.
    """
    if tracks:
        refuse_untrackable(options["symbols"])
    cost = CommandCost()
    workspace = open_workspace()
    now = workspace.now()
    selection = select(workspace, now, SelectionOptions(**options))
    tracking = track(workspace, selection, now, asked=tracks)
    if selection.all_tracked and not tracks:
        selection = replace(selection, all_tracked=False, universe=LISTED)
    profile = selection.profile
    tags = {"tickstock/profile": profile.name} if profile else {}
    try:
        outcomes = execute(workspace, selection, now, tags, ask_again=ask_again)
    except TickstockError:
        console.print(tracking.words(selection.sessions[0]), highlight=False, soft_wrap=True)
        with suppress(TickstockError):  # the store may be what failed
            console.print(_owed_words(owed_in_all(workspace, now)), highlight=False, soft_wrap=True)
        raise
    if not (selection.source or "").startswith("files:"):  # a file may know some seeds, and a list all of them
        join_known_seeds(workspace, now)
    owed = owed_in_all(workspace, now)
    if as_json:
        stands = {**tracking.as_json(), "owed": owed}
        stands |= {"command_vendor_calls": cost.calls, "command_seconds": cost.seconds}
        print_json(
            [{"run_id": o.run_id, "seconds": round(o.seconds, 3), **_plain(o.metadata), **stands} for o in outcomes]
        )
        return
    totals = {
        name: sum(outcome.metadata.get(name, 0) for outcome in outcomes)
        for name in (
            "bars_stored", "bars_expected", "rows_inserted", "rows_restated", "bars_explained", "bars_missing",
            "rows_besides",
        )
    }  # fmt: skip
    restated = f", {totals['rows_restated']:,} restated" if totals["rows_restated"] else ""
    runs = ", ".join(outcome.run_id[:8] for outcome in outcomes)
    click.echo(
        f"{selection.label}, {selection.sessions[0]} to {selection.sessions[-1]}: "
        f"{totals['bars_stored']:,} of {totals['bars_expected']:,} bars stored "
        f"({totals['rows_inserted']:,} new{restated}), "
        f"{totals['bars_explained']:,} explained by a final reason, {totals['bars_missing']:,} missing; "
        f"{cost.calls:,} vendor calls, {cost.seconds:.1f} s, run {runs}"
    )
    if references := _references(selection):
        click.echo(f"With what its funds are compared with: {', '.join(references)}")
    for line in _noted(outcomes):
        click.echo(line)
    if totals["bars_missing"]:
        click.echo(f"Missing: {_reasons(outcomes)}")
    if totals["rows_besides"]:
        click.echo(f"Stored besides: {besides_words(totals['rows_besides'])}")
    click.echo(tracking.words(selection.sessions[0]))
    click.echo(_owed_words(owed))


def execute(
    workspace: Workspace, selection: Selection, now: datetime, tags: dict[str, str], *, ask_again: bool = False
) -> list[Any]:
    """Run the loads of a selection.

    Args:
        workspace: the services.
        selection: tickers and sessions.
        now: aware.
        tags: for every run.
        ask_again: request open gaps although their next retry is not due.
    """
    from tickstock_dagster.cli.loading.runs import run_sessions, run_symbols

    if selection.grain == "symbols":
        return run_symbols(
            workspace,
            selection.tickers,
            selection.sessions,
            now=now,
            source=selection.source,
            tags=tags,
            label=selection.label,
            ask_again=ask_again,
        )
    return [
        run_sessions(
            workspace,
            selection.sessions,
            tickers=() if selection.all_tracked or selection.universe else selection.tickers,
            universe=selection.universe,
            source=selection.source,
            tags=tags,
            label=selection.label,
            ask_again=ask_again,
        )
    ]


def _owed_words(owed: int) -> str:
    return f"Owed of all that is tracked: {owed:,} bars" + (" (tickstock status)" if owed else "")


def _references(selection: Selection) -> list[str]:
    """The funds that a theme was loaded with, so that its correlations and its rebalancing find values."""
    named = [ticker for theme, ticker in theme_references() if theme_key(theme) == selection.universe]
    return [ticker for ticker in named if ticker in selection.tickers]


def _noted(outcomes: Sequence["RunOutcome"]) -> list[str]:
    """What was quarantined or set aside, with counts and up to ten examples."""
    lines = []
    rows = sum(outcome.metadata.get("rows_quarantined", 0) for outcome in outcomes)
    if rows:
        examples = Counter(line for outcome in outcomes for line in _lines(outcome.metadata.get("quarantined")))
        named = [f"{line} ({count} rows)" if count > 1 else line for line, count in examples.items()][:10]
        left = rows - sum(list(examples.values())[:10])
        more = f"; and {left} more" if left > 0 else ""
        lines.append(f"{rows:,} {'row' if rows == 1 else 'rows'} quarantined: {'; '.join(named)}{more}")
    lines += _failed(outcomes)
    for name, words in _ACTIONS.items():
        told = dict.fromkeys(
            line for outcome in outcomes for line in _lines(outcome.metadata.get(f"actions_{name}_rows"))
        )
        count = max((outcome.metadata.get(f"actions_{name}", 0) for outcome in outcomes), default=0)
        if count:
            lines.append(f"{count:,} {words}{': ' if told else ''}{'; '.join(told)}")
    of_files = (line for outcome in outcomes for line in _lines(outcome.metadata.get("set_aside")))
    return [*lines, *dict.fromkeys(of_files)]


def _failed(outcomes: Sequence["RunOutcome"]) -> list[str]:
    """Requests that failed, and whether they are made again."""
    retrying = sum(outcome.metadata.get("units_retrying", 0) for outcome in outcomes)
    dead = [line for outcome in outcomes for line in _lines(outcome.metadata.get("dead_units"))]
    lines = [f"{retrying:,} requests failed and are made again by the next load of their sessions"] if retrying else []
    return [*lines, f"Requests that are not made again by themselves: {'; '.join(dead)}"] if dead else lines


def _reasons(outcomes: Sequence["RunOutcome"]) -> str:
    """The missing bars by reason, as their runs' tables of gaps say."""
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        for row in (outcome.metadata.get("gaps_by_reason") or "").splitlines()[2:]:
            reason, count = (cell.strip() for cell in row.strip("|").split("|"))
            if reason not in FINAL_REASONS:
                counts[reason] += int(count.replace(",", ""))
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common()) or "no reason stored"


def _lines(markdown: str | None) -> list[str]:
    return [line.removeprefix("- ") for line in (markdown or "").splitlines()]


def _plain(metadata: dict[str, Any]) -> dict[str, Any]:
    shown = ("source", "file", "quarantined", "set_aside")
    return {key: value for key, value in metadata.items() if isinstance(value, int | float) or key in shown}
