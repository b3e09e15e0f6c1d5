"""`tickstock status`: coverage of what is tracked, by session or by group, and every open gap with its reason."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import click
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.completeness import completeness_by_group
from tickstock_dagster.adapters.loading.coverage import completeness, gaps_by_reason
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.quality.table_checks import open_gaps
from tickstock_dagster.adapters.securities.listing_store import read_intervals
from tickstock_dagster.cli.workspace import open_workspace, print_json
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.completeness import GroupKind
from tickstock_dagster.core.loading.coverage import Completeness, expected_cells
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE
from tickstock_dagster.core.loading.vendor_plans import HISTORY_START


@click.command()
@click.option("--sessions", type=int, help="How many sessions to show: 20 unless given, 1 with --by.")
@click.option("--gaps", default=20, show_default=True, help="How many open gaps to list, newest first.")
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
    calendar, engine = workspace.calendar, workspace.engine
    latest = calendar.latest_closed_session(workspace.now())
    days = calendar.sessions(HISTORY_START, latest)[-sessions:]
    if by:
        _by_group(engine, days, GroupKind(by), as_json=as_json)
        return
    tickers = tracked_tickers(engine)
    intervals = read_intervals(engine, tickers)
    states = completeness(engine, expected_cells(days, intervals))
    reasons = gaps_by_reason(engine, intervals["security_id"].unique().to_list(), days[0], days[-1])
    count, sample = open_gaps(engine, gaps)
    if as_json:
        print_json(
            {
                "tracked": len(tickers),
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
                "gaps_by_reason": reasons,
                "open_gaps": count,
                "newest_open_gaps": sample.to_dicts(),
            }
        )
        return
    if not tickers:
        click.echo("Nothing is tracked yet: `tickstock run`, or `tickstock load --profile NAME`.")
        return
    _print(states, reasons, count, sample.to_dicts(), len(tickers))


def _by_group(engine: sa.Engine, days: Sequence[date], kind: GroupKind, *, as_json: bool) -> None:
    expected = Expectation.of_universes(engine, None, days[0], days[-1]).cells(days)
    groups = [group for group in completeness_by_group(engine, expected) if group.kind is kind]
    if as_json:
        print_json({"by": kind, "groups": [group.as_json() for group in groups]})
        return
    if not groups:
        nothing = "Nothing is expected on these sessions: `tickstock run`, or `tickstock load --profile NAME`."
        click.echo(
            nothing if expected.is_empty() else f"No {kind.value} has a member that was listed on these sessions."
        )
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    out = Console()
    # Whole names, wherever the output goes: the figures take 62 columns.
    out.width = max(out.width, 62 + max(len(group.name) + len(group.frequency or "") for group in groups))
    for session, of_session in groupby(groups, lambda group: group.state.session):
        title = f"{session}: bars of what is tracked; members are all that were listed"
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        table.add_column(kind.value, no_wrap=True)
        for name in ("members", "expected", "stored", "explained", "missing", "complete"):
            table.add_column(name, justify="right", no_wrap=True)
        for group in of_session:
            state, ratio = group.state, group.ratio
            name = f"{group.name} ({group.frequency})" if group.frequency else group.name
            counts = (group.members, state.expected, state.stored, state.final, state.missing)
            share = f"[{_colour(state)}]{ratio:.1%}[/]" if ratio is not None else "none owed"
            table.add_row(name, *(f"{count:,}" for count in counts), share)
        out.print(table)


def _colour(state: Completeness) -> str:
    return "green" if state.missing == 0 else "yellow" if state.ratio >= OBJECTIVE else "red"


def _print(
    states: Sequence[Completeness],
    reasons: Mapping[str, int],
    count: int,
    sample: Sequence[Mapping[str, Any]],
    tracked: int,
) -> None:
    from rich.console import Console
    from rich.table import Table

    out = Console()
    table = Table(title=f"{tracked} tracked symbols", title_justify="left")
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
        out.print("Gaps in these sessions: " + ", ".join(f"{number:,} {reason}" for reason, number in reasons.items()))
    if count:
        gaps = Table(title=f"Open gaps: {count:,}", title_justify="left")
        for name in ("session", "ticker", "reason", "evidence"):
            gaps.add_column(name)
        for row in sample:
            gaps.add_row(str(row["session"]), row["ticker"], row["reason"], row["evidence"])
        out.print(gaps)
