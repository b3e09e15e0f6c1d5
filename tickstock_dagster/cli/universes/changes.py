"""`tickstock universe diff | set | import`: changing a universe, and showing the change beforehand."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tickstock_dagster.cli.given_files import text_of
from tickstock_dagster.cli.workspace import Workspace, open_workspace, parse_date, parse_session, print_json, status
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.tickers import canonical_ticker

if TYPE_CHECKING:
    from tickstock_dagster.adapters.universes.rule_edit import RulePreview

_SHOWN = 20
_DATED_LISTS = 24
"""Most ticker lists of past days to fetch in order to resolve former tickers; each takes about ten calls."""


@click.command()
@click.argument("universe")
@click.option("--from", "first", help="Compare the members of this session, YYYY-MM-DD …")
@click.option("--to", "last", help="… with those of this one; the latest closed one unless given.")
@click.option(
    "--rule",
    "rule_file",
    help="Or: with the members that this rule chooses.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def diff(*, universe: str, first: str | None, last: str | None, rule_file: str | None, as_json: bool) -> None:
    """Show who joined and left between two sessions, or would by a rule (a JSON file). Changes nothing."""
    from tickstock_dagster.adapters.universes.membership_store import members_on
    from tickstock_dagster.cli.loading.shipped import find_universe

    if (first is None) == (rule_file is None):
        raise BadInputError("universe diff", "--from and --rule" if first else "neither", "one of --from and --rule")
    workspace = open_workspace()
    now = workspace.now()
    end = parse_date("--to", last) if last else workspace.calendar.latest_closed_session(now)
    if rule_file:
        with workspace.reading() as read:
            preview = _preview(read, universe, rule_file)
        joined, left = preview.joined, preview.left
    else:
        start = parse_date("--from", first or "")
        if start > end:
            raise BadInputError("--from", start, f"a date up to --to, {end}")
        with workspace.reading() as read:
            key = find_universe(read, universe, now)
            before, after = (
                dict(members_on(read.engine, key, day).select("security_id", "ticker").iter_rows())
                for day in (start, end)
            )
        empty = not before and not after
        joined = tuple((ticker, "") for one, ticker in after.items() if one not in before)
        left = tuple((ticker, "") for one, ticker in before.items() if one not in after)
    if as_json:
        print_json({"universe": universe, "joined": dict(joined), "left": dict(left)})
    elif not rule_file and empty:
        click.echo(f"{universe}: no members on {start}, and none on {end}")
    else:
        _print_changes(universe, joined, left)


@click.command(name="set")
@click.argument("universe")
@click.option("--symbols", help="Set a list to exactly these members, or create it: AAPL,MSFT.")
@click.option("--add", help="Add these members to a list.")
@click.option("--remove", help="Remove these members from a list.")
@click.option("--rule", "rule_file", help="Set this rule (a JSON file).")
@click.option("--track/--no-track", default=None, help="Whether its members' bars are expected on every session.")
@click.option(
    "--from", "first", help="With --track: the first session on which they are; the latest closed one unless given."
)
@click.option("--reason", default="set by hand", show_default=True, help="Why; logged and published.")
@click.option("--yes", is_flag=True, help="Apply a rule without confirmation.")
def set_(
    *,
    universe: str,
    symbols: str | None,
    add: str | None,
    remove: str | None,
    rule_file: str | None,
    track: bool | None,
    first: str | None,
    reason: str,
    yes: bool,
) -> None:
    """Change a universe: its members, its rule, or whether and from when on it is tracked."""
    from tickstock_dagster.adapters.universes.list_edit import edit_universe, set_list, track_universe
    from tickstock_dagster.adapters.universes.rule_edit import apply_rule
    from tickstock_dagster.cli.loading.shipped import find_universe

    chosen = [bool(symbols), bool(add or remove), bool(rule_file)]
    if sum(chosen) > 1 or (not any(chosen) and track is None):
        raise BadInputError("universe set", "these options", "--symbols, or --add and --remove, or --rule, or --track")
    if first and not track:
        raise BadInputError("--from", first, "--track with it")
    workspace = open_workspace()
    now = workspace.now()
    track_from = parse_session("--from", first, workspace.calendar, now) if first else None
    common: dict[str, Any] = {"reason": reason, "run_id": "cli", "now": now}
    if rule_file:
        preview = _preview(workspace, universe, rule_file)
        _print_changes(preview.universe, preview.joined, preview.left)
        if not yes:
            click.confirm(f"Apply to {preview.universe} from {preview.session} on?", abort=True)
        version = apply_rule(workspace.engine, preview, **common)
        click.echo(
            f"{preview.universe}: rule version {version}" if version else f"{preview.universe}: the rule is in force"
        )
    elif symbols or add or remove:
        tickers = [_tickers(*named) for named in (("--symbols", symbols), ("--add", add), ("--remove", remove))]
        _know(workspace, [*tickers[0], *tickers[1]], now)
        if symbols:
            outcome = set_list(workspace.engine, universe, tickers[0], **common)
        else:
            outcome = edit_universe(workspace.engine, universe, add=tickers[1], remove=tickers[2], **common)
        joined, left = len(outcome.added), len(outcome.removed)
        click.echo(f"{universe}: {joined} joined, {left} left, {outcome.members} members")
        if held := [ticker for ticker in map(canonical_ticker, tickers[1]) if ticker not in outcome.added]:
            click.echo(f"  members before: {', '.join(held)}")
    if track is not None:
        key = find_universe(workspace, universe, now)
        begins = track_universe(workspace.engine, key, track=track, track_from=track_from, **common)
        since = f" from {begins} on" if track and begins else ""
        click.echo(f"{key}: {'' if track else 'not '}tracked{since}" + ("" if begins else ", as before"))


@click.command(name="import")
@click.argument("universe")
@click.argument("file")
@click.option("--skip-unknown", is_flag=True, help="Leave out tickers that no list of the vendor has.")
@click.option("--title", help="What it is, for people; by default its name.")
@click.option("--reason", help="Why; logged and published. By default: imported from FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def import_(
    *, universe: str, file: str, skip_unknown: bool, title: str | None, reason: str | None, as_json: bool
) -> None:
    """Import a universe from a CSV file (- is stdin): tickers, or tickers with start_date and end_date (excluded).

    Tickers that today's list lacks are searched for in the vendor's list of delisted securities.
    """
    from tickstock_dagster.adapters.securities.delisted_sync import take_in_delisted
    from tickstock_dagster.adapters.securities.listing_sync import ListingSync
    from tickstock_dagster.adapters.universes.file_import import import_universe, refuse_unknown, resolve_lines
    from tickstock_dagster.core.loading.vendor_plans import HISTORY_START
    from tickstock_dagster.core.universes.files import days_within, parse_members

    source = "stdin" if file == "-" else Path(file).name
    lines = parse_members(text_of("FILE", file), source)
    workspace = open_workspace()
    now = workspace.now()
    engine = workspace.engine
    _know(workspace, [line.ticker for line in lines if line.valid_to is None], now)
    resolved = resolve_lines(engine, lines)
    if resolved.unknown:
        today = workspace.calendar.latest_closed_session(now)
        with status("Fetching the vendor's list of delisted securities"):
            context = workspace.load_context(lambda: now)
            take_in_delisted(context, today)
        resolved = resolve_lines(engine, lines)
        # A security that has changed its ticker since is neither in today's list nor among the delisted.
        for day in days_within(resolved.unknown, HISTORY_START)[:_DATED_LISTS]:
            with status(f"Fetching the vendor's ticker list of {day}"):
                ListingSync(context).observe(day)
        resolved = resolve_lines(engine, lines)
    if not skip_unknown:
        refuse_unknown(resolved.unknown)
    why = reason or f"imported from {source}"
    done = import_universe(engine, universe, resolved, title=title or universe, reason=why, run_id="cli", now=now)
    if as_json:
        skipped = [line.ticker for line in resolved.unknown]
        counts = {"begun": done.begun, "ended": done.retired, "members": done.members}
        print_json({"universe": universe, "lines": len(lines), **counts, "skipped": skipped})
        return
    changed = (
        f"{done.begun:,} memberships begun, {done.retired:,} ended" if done.begun or done.retired else "nothing changed"
    )
    click.echo(f"{universe}: {len(lines):,} lines, {changed}; {done.members:,} members now")
    if resolved.unknown:
        unknown = ", ".join(line.ticker for line in resolved.unknown[:_SHOWN])
        click.echo(f"  left out, since no list of the vendor has them: {unknown}")


def _know(workspace: Workspace, tickers: Sequence[str], now: datetime) -> None:
    """Fetch today's ticker list if it is needed to resolve a ticker."""
    from tickstock_dagster.adapters.securities.listing_sync import ListingSync

    context = workspace.load_context(lambda: now)
    if context.source.capabilities.listings and tickers:
        latest = workspace.calendar.latest_closed_session(now)
        ListingSync(context).ensure([canonical_ticker(ticker) for ticker in tickers], latest, latest, latest)


def _preview(workspace: Workspace, universe: str, rule_file: str) -> "RulePreview":
    from tickstock_dagster.adapters.universes.rule_edit import preview_rule
    from tickstock_dagster.core.universes.rules import Rule

    rule = Rule.from_json(text_of("--rule", rule_file))
    session = workspace.calendar.latest_closed_session(workspace.now())
    return preview_rule(workspace.engine, universe, rule, session)


def _tickers(option: str, text: str | None) -> list[str]:
    """The tickers of an option; none where it is not given."""
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if text and not parts:
        raise BadInputError(option, text, "tickers separated by commas")
    return parts


def _print_changes(universe: str, joined: Sequence[tuple[str, str]], left: Sequence[tuple[str, str]]) -> None:
    if not joined and not left:
        click.echo(f"{universe}: the same members")
    for sign, words, changes in (("+", "join", joined), ("-", "leave", left)):
        for ticker, reason in changes[:_SHOWN]:
            click.secho(f"{sign} {ticker:<8}{reason}", fg="green" if sign == "+" else "red")
        if len(changes) > _SHOWN:
            click.echo(f"{sign} … and {len(changes) - _SHOWN:,} more {words}")
