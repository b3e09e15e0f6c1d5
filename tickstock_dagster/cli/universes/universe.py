"""`tickstock universe`: showing and explaining universes. Changing them is in `cli.universes.changes`."""

from datetime import date

import click

from tickstock_dagster.cli.given_files import new_file, write_whole
from tickstock_dagster.cli.universes.changes import diff, import_, set_
from tickstock_dagster.cli.universes.sync import sync
from tickstock_dagster.cli.universes.track import track, untrack
from tickstock_dagster.cli.workspace import Workspace, open_workspace, parse_date, parse_moment, print_json
from tickstock_dagster.core.printable import printable


@click.group(name="universe")
def command() -> None:
    """Show, explain, change, track, synchronise, import and export universes."""


command.add_command(diff)
command.add_command(set_)
command.add_command(import_)
command.add_command(track)
command.add_command(untrack)
command.add_command(sync)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(*, as_json: bool) -> None:
    """List every universe, those of the release included."""
    from dataclasses import asdict

    from tickstock_dagster.adapters.universes.membership_reading import theme_counts
    from tickstock_dagster.adapters.universes.store import universes_overview
    from tickstock_dagster.cli.tables import Column, print_table

    engine = open_workspace().engine
    entries, (places, funds) = universes_overview(engine), theme_counts(engine)
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    columns = [
        Column("universe"),
        Column("also", leave_out=1),
        Column("members", right=True),
        Column("tracked"),
        Column("chosen by"),
        Column("determined", leave_out=2),
        Column("what it is", text=True, leave_out=3),
    ]
    rows = []
    for entry in entries:
        rule = (
            f"rule v{entry.rule_version}" if entry.rule_version else "list" if entry.membership == "static" else "dates"
        )
        seeds = "seeds" if entry.type == "theme" and entry.membership == "dated" else ""
        determined = str(entry.determined) if entry.determined else seeds
        tracked, aliases = "yes" if entry.track else "", ", ".join(entry.aliases)
        rows.append((entry.key, aliases, f"{entry.members:,}", tracked, rule, determined, entry.name))
    print_table(columns, rows)
    click.echo(f"The themes have {places} memberships of {funds} funds.")


@command.command()
@click.argument("universe")
@click.option("--on", help="A session, YYYY-MM-DD; the latest closed one unless given.")
@click.option("--known-at", help="Answer from what was known at this time, ISO 8601 with offset.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show(*, universe: str, on: str | None, known_at: str | None, as_json: bool) -> None:
    """Show a universe's members on a session, with the facts by which rules choose."""
    import polars as pl

    from tickstock_dagster.adapters.universes.facts import read_facts
    from tickstock_dagster.adapters.universes.membership_store import members_on
    from tickstock_dagster.cli.loading.shipped import find_universe
    from tickstock_dagster.cli.tables import Column, print_table
    from tickstock_dagster.core.loading.vendor_plans import HISTORY_START
    from tickstock_dagster.core.universes.facts import FACT_SCHEMA

    workspace = open_workspace()
    day, moment = session_of(workspace, on), parse_moment("--known-at", known_at) if known_at else None
    with workspace.reading() as read:
        key = find_universe(read, universe, read.now())
        members = members_on(read.engine, key, day, moment)
        # No bar, and so no fact, is older than the vendor's history.
        facts = read_facts(read.engine, day) if day >= HISTORY_START else pl.DataFrame(schema=FACT_SCHEMA)
    wanted = ["security_id", "name", "market_cap", "adv20_usd", "aum_usd", "expense_ratio"]
    rows = members.join(facts.select(wanted), on="security_id", how="left", maintain_order="left").drop("security_id")
    if as_json:
        print_json({"universe": key, "session": day, "members": rows.to_dicts()})
        return
    columns = [
        Column("ticker"),
        Column("name", text=True),
        Column("member since", leave_out=2),
        Column("known since", leave_out=1),
        Column("market cap", right=True, leave_out=5),
        Column("20-day volume", right=True, leave_out=6),
        Column("AUM", right=True, leave_out=4),
        Column("expense ratio", right=True, leave_out=3),
    ]
    printed = []
    for row in rows.iter_rows(named=True):
        since = "always" if row["valid_from"] is None else str(row["valid_from"])
        ratio = "" if row["expense_ratio"] is None else f"{row['expense_ratio']:.2%}"
        dollars = (_dollars(row[name]) for name in ("market_cap", "adv20_usd", "aum_usd"))
        known = f"{row['known_from']:%Y-%m-%d %H:%M}"
        printed.append((row["ticker"], row["name"] or "", since, known, *dollars, ratio))
    print_table(columns, printed, title=f"{key} on {day}: {members.height:,} members")


@command.command()
@click.argument("ticker")
@click.argument("universe")
@click.option("--on", help="A session, YYYY-MM-DD; the latest closed one unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def explain(*, ticker: str, universe: str, on: str | None, as_json: bool) -> None:
    """Say whether, since when and why a symbol was in a universe on a session."""
    from dataclasses import asdict

    from tickstock_dagster.adapters.universes.membership_store import explain as explain_membership
    from tickstock_dagster.cli.loading.shipped import find_universe
    from tickstock_dagster.core.securities.tickers import canonical_ticker

    workspace = open_workspace()
    day = session_of(workspace, on)
    with workspace.reading() as read:
        key = find_universe(read, universe, read.now())
        found = explain_membership(read.engine, canonical_ticker(ticker), key, day)
    if as_json:
        print_json(asdict(found))
        return
    click.echo(printable(f"{found.asked} was {'' if found.member else 'not '}in {key} on {day}: {found.reason}."))
    since = "" if not found.member else f"{found.since or 'always'}"
    seeds = "by seeds, for every session before the first determined one" if found.task == "seed" else ""
    determined = f"for {found.determined} by {found.task}" if found.determined else seeds
    facts = [
        ("member", since and f"{since} to {found.until or 'now'}"),
        ("known since", found.known_since and f"{found.known_since:%Y-%m-%d %H:%M} UTC"),
        ("determined", determined),
        ("rule version", found.rule_version),
        ("rank", found.rank),
        *((name, _plain(value)) for name, value in found.facts.items()),
        ("type's rules", found.verdict and f"{found.verdict}: {found.verdict_reason}"),
    ]
    for name, value in facts:
        if value not in (None, ""):
            click.echo(printable(f"  {name:<16}{value}"))


@command.command()
@click.argument("universe")
@click.argument("file", required=False)
@click.option("--on", help="A session, YYYY-MM-DD; the latest closed one unless given.")
@click.option("--history", is_flag=True, help="All memberships ever, with their start and end dates.")
def export(*, universe: str, file: str | None, on: str | None, history: bool) -> None:
    """Write a universe as CSV to a file or stdout, in the format that `tickstock universe import` reads.

    Without FILE, or with - for it, it goes to stdout.
    """
    from tickstock_dagster.adapters.universes.file_import import exported
    from tickstock_dagster.cli.loading.shipped import find_universe
    from tickstock_dagster.core.universes.files import format_members

    path = new_file("FILE", file) if file not in (None, "-") else None
    workspace = open_workspace()
    day = session_of(workspace, on)
    with workspace.reading() as read:
        key = find_universe(read, universe, read.now())
        rows = exported(read.engine, key, day, history=history)
    text = format_members(rows)
    if path is None:
        click.echo(text, nl=False)
        return
    write_whole("FILE", path, text)
    click.echo(f"{len(rows):,} lines written to {path}", err=True)


def session_of(workspace: Workspace, text: str | None) -> date:
    """A day from the command line; by default the latest closed session."""
    return parse_date("--on", text) if text else workspace.calendar.latest_closed_session(workspace.now())


def _dollars(value: float | None) -> str:
    if value is None:
        return ""
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6)):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value:,.0f}"


def _plain(value: object) -> object:
    return (
        f"{value:,.6g}"
        if isinstance(value, float) and abs(value) < 1
        else f"{value:,.0f}"
        if isinstance(value, float)
        else value
    )
