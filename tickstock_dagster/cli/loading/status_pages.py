"""The pages of `tickstock status`: coverage of what is tracked by session or group, and what is owed, with reasons."""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import groupby

import click
import sqlalchemy as sa

from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.loading.completeness import completeness_by_group
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.cli.loading.market_status import MarketStatus, read_market_status, shown_sessions
from tickstock_dagster.cli.workspace import print_json
from tickstock_dagster.core.calendars.markets import ABROAD, MARKET, market_named
from tickstock_dagster.core.loading.completeness import GroupKind
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE

_COUNTED = {GroupKind.TYPE: "bars of what is tracked; members are all securities of the type"}
"""What is counted, where it is not every member."""


def show_sessions(
    engine: sa.Engine,
    market: str | None,
    sessions: int,
    gaps: int,
    now: datetime,
    *,
    as_json: bool,
    settled: Callable[[], str | None],
) -> None:
    """Print the state of each session of a market (MIC), or of all with tracked symbols; and what is owed.

    Args:
        engine: the store's.
        market: MIC of the only one to show.
        sessions: how many of them, up to the latest closed one.
        gaps: how many owed bars to list.
        now: aware.
        as_json: as a document for scripts.
        settled: gives what is settled of every security, where it was asked for already, else None.
    """
    markets = [market] if market else _tracked_markets(engine)
    found = [read_market_status(engine, mic, sessions, now, settled) for mic in markets]
    if as_json:
        first, *others = (one.as_json(gaps) for one in found)
        print_json({**first, "other_markets": others})
        return
    for place, one in enumerate(found):
        if len(found) > 1 or one.calendar.key != MARKET:
            click.echo(("\n" if place else "") + _heading(one))
        if not one.tracked:
            click.echo(_nothing_tracked(one.calendar.key))
        else:
            _print(one, gaps)


def show_groups(
    engine: sa.Engine, market: str | None, sessions: int, kind: GroupKind, now: datetime, *, as_json: bool
) -> None:
    """Print the state of each group of a kind, of one market (MIC) or of all with tracked symbols.

    Args:
        engine: the store's.
        market: MIC of the only one to show.
        sessions: how many sessions, up to the latest closed one.
        kind: what is grouped by.
        now: aware.
        as_json: as a document for scripts.
    """
    markets = [market] if market else _tracked_markets(engine)
    groups, nothing_expected = [], True
    for market in markets:
        calendar = calendar_in_force(engine, market)
        days = shown_sessions(calendar, calendar.latest_closed_session(now), sessions)
        tracked = Expectation.of_tracked(engine, market=market).cells(days)
        nothing_expected &= tracked.is_empty()
        groups += [
            (market, group)
            for group in completeness_by_group(engine, days, tracked, market=market)
            if group.kind is kind
        ]
    if as_json:
        print_json({"by": kind, "groups": [{"market": market, **group.as_json()} for market, group in groups]})
        return
    if not groups:
        nothing = " ".join(map(_nothing_tracked, markets))
        click.echo(nothing if nothing_expected else f"No {kind.value} has a member that was listed on these sessions.")
        return
    from rich.box import SIMPLE_HEAD
    from rich.text import Text

    from tickstock_dagster.cli.tables import Column, print_table

    for (market, session), of_session in groupby(groups, lambda one: (one[0], one[1].state.session)):
        where = "" if market == MARKET else f"{market_named(market).name}, "
        title = f"{where}{session}: {_COUNTED.get(kind, 'bars of all members that were listed; tracked ones first')}"
        columns = [
            Column(kind.value),
            Column("members", right=True, leave_out=2),
            *(Column(name, right=True) for name in ("expected", "stored")),
            Column("explained", right=True, leave_out=1),
            *(Column(name, right=True) for name in ("missing", "complete")),
        ]
        rows = []
        for _market, group in of_session:
            state, ratio = group.state, group.ratio
            counts = (group.members, state.expected, state.stored, state.final, state.missing)
            share = Text(f"{ratio:.1%}", _colour(state)) if ratio is not None else "none owed"
            rows.append((group.label, *(f"{count:,}" for count in counts), share))
        print_table(columns, rows, title=title, box=SIMPLE_HEAD)


def _tracked_markets(engine: sa.Engine) -> list[str]:
    """The markets with tracked symbols, New York first; New York alone where there are none."""
    abroad = [mic for mic in ABROAD if tracked_tickers(engine, market=mic)]
    return [MARKET, *abroad] if not abroad or tracked_tickers(engine) else abroad


def _heading(found: MarketStatus) -> str:
    closed = found.calendar.closes_at(found.latest).astimezone(found.calendar.timezone)
    market = market_named(found.calendar.key)
    return f"{market.name} ({market.mic}): the latest session closed at {closed:%Y-%m-%d %H:%M %Z} ({market.timezone})"


def _nothing_tracked(market: str) -> str:
    if market == MARKET:
        return "Nothing is tracked yet: `tickstock run`, or `tickstock load --profile NAME`."
    return f"Nothing is tracked yet: set TICKSTOCK_FILES_{market}, and materialise {market.lower()}/session_bars."


def _colour(state: Completeness) -> str:
    return "green" if state.missing == 0 else "yellow" if state.ratio >= OBJECTIVE else "red"


def _print(found: MarketStatus, gaps: int) -> None:
    from rich.text import Text

    from tickstock_dagster.cli.tables import Column, print_table

    since = f", expected from {found.begins} on" if found.begins else ""
    names = ("expected", "stored", "explained", "missing", "complete")
    rows: list[tuple[str | Text, ...]] = [
        (
            str(state.session),
            *(f"{count:,}" for count in (state.expected, state.stored, state.final, state.missing)),
            Text(f"{state.ratio:.1%}", _colour(state)),
        )
        for state in found.states
    ]
    columns = [Column("session"), *(Column(name, right=True) for name in names)]
    print_table(columns, rows, title=f"{found.tracked} tracked symbols{since}")
    if found.gaps:
        click.echo("Without a bar: " + _counted(found.gaps))
    if found.owed.height:
        sessions = found.owed["session"].n_unique()
        words = f"Owed in all: {found.owed.height:,} on {sessions:,} session{'s' if sessions > 1 else ''}"
        print_table(
            [Column("session"), Column("ticker"), Column("reason"), Column("evidence", text=True)],
            [(str(row["session"]), row["ticker"], row["reason"], row["evidence"] or "") for row in found.sample(gaps)],
            title=f"{words} ({_counted(found.owed_by_reason)})",
        )
    for one in found.besides:
        click.echo(f"Owed besides bars: {one}")
    if found.failed.retrying:
        click.echo(f"Requests that failed and that a load of their sessions makes again: {found.failed.retrying:,}")
    if dead := found.failed.dead:
        click.echo(f"Requests that are not made again by themselves: {len(dead):,}; the last: {dead[0]}")
    if found.unknown:
        shown = ", ".join(found.unknown[:10]) + (", …" if len(found.unknown) > 10 else "")
        click.echo(
            f"In no list of the vendor yet, so that no bar of them is expected: {len(found.unknown):,} ({shown})"
        )


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {reason}" for reason, number in reasons.items())
