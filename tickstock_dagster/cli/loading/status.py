"""`tickstock status`: coverage of what is tracked, by session or by group, and what is owed, each with its reason."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import click
import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.completeness import completeness_by_group
from tickstock_dagster.adapters.loading.coverage import read_states
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.loading.owed_datasets import owed_besides_bars
from tickstock_dagster.adapters.loading.tracked import tracked_tickers, unknown_tickers
from tickstock_dagster.cli.workspace import open_workspace, print_json
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.completeness import GroupKind, reasons, session_states
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE
from tickstock_dagster.core.loading.vendor_plans import HISTORY_START


@click.command()
@click.option("--sessions", type=int, help="How many sessions to show: 20 unless given, 1 with --by.")
@click.option("--gaps", default=20, show_default=True, help="How many owed bars to list, newest first.")
@click.option(
    "--by", type=click.Choice([kind.value for kind in GroupKind]), help="Group by universe, ETF theme or equity type."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, sessions: int | None, gaps: int, by: str | None, as_json: bool) -> None:
    """Show per session what is expected, stored, explained and missing, and why."""
    sessions = sessions if sessions is not None else 1 if by else 20
    for name, value in (("--sessions", sessions), ("--gaps", gaps)):
        if value < 1:
            raise BadInputError(name, value, "a number from 1")
    workspace = open_workspace()
    calendar, engine, now = workspace.calendar, workspace.engine, workspace.now()
    latest = calendar.latest_closed_session(now)
    days = calendar.sessions(HISTORY_START, latest)[-sessions:]
    tracked = Expectation.of_tracked(engine)
    if by:
        _by_group(engine, days, tracked.cells(days), GroupKind(by), as_json=as_json)
        return
    tickers = tracked_tickers(engine)
    cells = read_states(engine, tracked.cells(days))
    states, why = session_states(cells), reasons(cells)
    owed = owed_cells(engine, calendar, latest, tracked=tracked)
    besides = _by_dataset(owed_besides_bars(engine, calendar, tracked.begins, now=now))
    unknown = unknown_tickers(engine)
    sample = owed.head(gaps).select("session", "ticker", "reason", "evidence")
    if as_json:
        print_json(
            {
                "tracked": len(tickers),
                "expected_from": tracked.begins,
                "latest_closed_session": latest,
                "sessions": [
                    {
                        "session": state.session,
                        "expected": state.expected,
                        "stored": state.stored,
                        "explained": state.final,
                        "missing": state.missing,
                        "completeness": round(state.ratio, 6),
                    }
                    for state in states
                ],
                "gaps_by_reason": why,
                "owed": owed.height,
                "owed_sessions": owed["session"].n_unique(),
                "owed_by_reason": _by_reason(owed),
                "newest_owed": sample.to_dicts(),
                "owed_besides_bars": besides,
                "unknown_tickers": unknown,
            }
        )
        return
    if not tickers:
        click.echo("Nothing is tracked yet: `tickstock run`, or `tickstock load --profile NAME`.")
        return
    _print(states, why, owed, sample.to_dicts(), len(tickers), tracked.begins)
    for dataset, lacking in besides.items():
        sessions, said = lacking["sessions"], ", ".join(lacking["reasons"])
        span = f"{sessions:,} sessions, the newest" if sessions > 1 else "the session"
        click.echo(f"Owed of {dataset}: {span} {lacking['newest']} ({said})")
    if unknown:
        shown = ", ".join(unknown[:10]) + (", …" if len(unknown) > 10 else "")
        click.echo(f"In no list of the vendor yet, so that no bar of them is expected: {len(unknown):,} ({shown})")


def _by_reason(owed: pl.DataFrame) -> dict[str, int]:
    """Owed cells by reason, the most frequent first."""
    counts = owed.group_by("reason").agg(pl.len().alias("cells"))
    return dict(counts.sort("cells", "reason", descending=[True, False]).iter_rows())


def _by_dataset(owed: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """What each dataset besides bars owes: how many sessions, the newest of them, and why."""
    rows = owed.group_by("dataset", maintain_order=True).agg(
        pl.len().alias("sessions"),
        pl.col("session").max().alias("newest"),
        pl.col("reason").unique(maintain_order=True),
    )
    return {
        dataset: {"sessions": sessions, "newest": newest, "reasons": reasons}
        for dataset, sessions, newest, reasons in rows.iter_rows()
    }


def _by_group(
    engine: sa.Engine, days: Sequence[date], tracked: pl.DataFrame, kind: GroupKind, *, as_json: bool
) -> None:
    groups = [group for group in completeness_by_group(engine, days, tracked) if group.kind is kind]
    if as_json:
        print_json({"by": kind, "groups": [group.as_json() for group in groups]})
        return
    if not groups:
        nothing = "Nothing is expected on these sessions: `tickstock run`, or `tickstock load --profile NAME`."
        click.echo(
            nothing if tracked.is_empty() else f"No {kind.value} has a member that was listed on these sessions."
        )
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    out = Console()
    # Whole names, wherever the output goes: the figures take 62 columns.
    out.width = max(out.width, 62 + max(len(group.label) for group in groups))
    for session, of_session in groupby(groups, lambda group: group.state.session):
        title = f"{session}: bars of all members that were listed; tracked ones first"
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        table.add_column(kind.value, no_wrap=True)
        for name in ("members", "expected", "stored", "explained", "missing", "complete"):
            table.add_column(name, justify="right", no_wrap=True)
        for group in of_session:
            state, ratio = group.state, group.ratio
            counts = (group.members, state.expected, state.stored, state.final, state.missing)
            share = f"[{_colour(state)}]{ratio:.1%}[/]" if ratio is not None else "none owed"
            table.add_row(group.label, *(f"{count:,}" for count in counts), share)
        out.print(table)


def _colour(state: Completeness) -> str:
    return "green" if state.missing == 0 else "yellow" if state.ratio >= OBJECTIVE else "red"


def _print(
    states: Sequence[Completeness],
    reasons: Mapping[str, int],
    owed: pl.DataFrame,
    sample: Sequence[Mapping[str, Any]],
    tracked: int,
    begins: date | None,
) -> None:
    from rich.console import Console
    from rich.table import Table

    out = Console()
    since = f", expected from {begins} on" if begins else ""
    table = Table(title=f"{tracked} tracked symbols{since}", title_justify="left")
    for name in ("session", "expected", "stored", "explained", "missing", "complete"):
        table.add_column(name, justify="left" if name == "session" else "right")
    for state in states:
        table.add_row(
            str(state.session),
            f"{state.expected:,}",
            f"{state.stored:,}",
            f"{state.final:,}",
            f"{state.missing:,}",
            f"[{_colour(state)}]{state.ratio:.1%}[/]",
        )
    out.print(table)
    if reasons:
        out.print("Without a bar: " + _counted(reasons))
    if owed.height:
        sessions = owed["session"].n_unique()
        words = f"Owed in all: {owed.height:,} on {sessions:,} session{'s' if sessions > 1 else ''}"
        gaps = Table(title=f"{words} ({_counted(_by_reason(owed))})", title_justify="left")
        for name in ("session", "ticker", "reason", "evidence"):
            gaps.add_column(name)
        for row in sample:
            gaps.add_row(str(row["session"]), row["ticker"], row["reason"], row["evidence"])
        out.print(gaps)


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in reasons.items())
