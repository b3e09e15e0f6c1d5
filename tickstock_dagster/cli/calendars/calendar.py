"""`tickstock calendar`: an exchange's sessions, overrides of single days, and differences from other calendars.

Longer than 250 lines because its three commands take their days from the same options and print them in the same rows.
"""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from tickstock_dagster.cli.account import account_name
from tickstock_dagster.cli.workspace import open_workspace, parse_date, print_json
from tickstock_dagster.core.calendars.markets import market_named
from tickstock_dagster.core.calendars.overrides import requested_override
from tickstock_dagster.core.calendars.publication import published_until
from tickstock_dagster.core.calendars.quorum import CLOSED, session_words
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar, library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.printable import printable

if TYPE_CHECKING:
    from tickstock_dagster.adapters.calendars.edit import StoredOverride

_SHOWN = timedelta(days=45)
_COMPARED = timedelta(days=400)


@click.group(name="calendar")
def command() -> None:
    """Show an exchange's sessions, override a day, and compare with other calendars."""


@command.command()
@click.argument("exchange")
@click.option("--from", "first", help="First day, YYYY-MM-DD; today unless given.")
@click.option("--to", "last", help="Last day, included; 45 days later unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show(*, exchange: str, first: str | None, last: str | None, as_json: bool) -> None:
    """Show the sessions of an exchange (NYSE, NASDAQ, TSE, LSE, XETR, or a MIC) with opens, closes and overrides.

    Times are on the exchange's clocks. Closed weekdays and early closes are marked, and so are days that the exchange
    has not published yet: these are computed from its rules.
    """
    from tickstock_dagster.adapters.calendars.edit import override_history
    from tickstock_dagster.adapters.calendars.store import calendar_in_force

    market = market_named(exchange)
    workspace = open_workspace()
    calendar = calendar_in_force(workspace.engine, market.calendar)
    start, end = _span(first, last, calendar, workspace.now(), _SHOWN)
    overrides = override_history(workspace.engine, market.calendar, start, end)
    published = published_until(market.calendar)
    standing = {row.session: row for row in overrides if row.revoked_at is None}
    rows = [row | {"computed": row["day"] > published.until} for row in _rows(calendar, start, end, standing)]
    if as_json:
        print_json(
            {
                "exchange": exchange,
                "mic": market.mic,
                "calendar": market.calendar,
                "timezone": market.timezone,
                "from": start,
                "to": end,
                "published_until": published.until,
                "published_by": published.source,
                "days": rows,
                "overrides": [_override_facts(row) for row in overrides],
            }
        )
        return
    _print_days(f"{market.name} ({market.calendar}), {market.timezone}", rows)
    if end > published.until:
        click.echo(f"Published by the exchange until {published.until} ({published.source}); later days are computed")
    for row in overrides:
        if row.revoked_at is not None:
            words = f"{row.action} by {row.created_by} ({row.reason}), withdrawn by {row.revoked_by}"
            at = f"{row.revoked_at:%Y-%m-%d %H:%M} UTC"
            click.echo(printable(f"{row.session}: {words} at {at}: {row.revoked_reason}"))


@command.command()
@click.argument("exchange")
@click.argument("day")
@click.option("--close-at", help="The session closes at this time instead, HH:MM on the exchange's clocks.")
@click.option("--closed", is_flag=True, help="The day is not a session.")
@click.option("--open", "opened", help="The day is a session, HH:MM-HH:MM on the exchange's clocks.")
@click.option("--withdraw", is_flag=True, help="Withdraw the day's override; the library's hours apply again.")
@click.option("--reason", default="", help="Why; stored, and published to consumers. Required.")
@click.option("--by", help="Who decided it; the account's name unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def override(
    *,
    exchange: str,
    day: str,
    close_at: str | None,
    closed: bool,
    opened: str | None,
    withdraw: bool,
    reason: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Override one DAY of an exchange; in force from the next tick of every schedule and sensor on.

    It replaces an override of the same day. Every change is kept, with who made it, when and why.
    """
    from tickstock_dagster.adapters.calendars.edit import put_override, withdraw_override

    calendar = library_calendar(market_named(exchange).calendar)
    session, who = parse_date("DAY", day), account_name() if by is None else by
    if withdraw and (closed or close_at or opened):
        raise BadInputError("override", "--withdraw and another change", "one of them")
    wanted = None
    if not withdraw:
        wanted = requested_override(calendar, session, closed=closed, close_at=close_at, opened=opened, reason=reason)
    workspace = open_workspace()
    engine, now = workspace.engine, workspace.now()
    if wanted is None:
        change = withdraw_override(engine, calendar.key, session, by=who, reason=reason, now=now)
    else:
        change = put_override(engine, wanted, by=who, now=now)
    before, after = (session_words(calendar, hours) for hours in (change.before, change.after))
    if as_json:
        facts = {"calendar": calendar.key, "session": session, "changed": change.override_id is not None}
        ids = {"override_id": change.override_id, "replaced": change.replaced, "withdrawn": withdraw}
        print_json({**facts, **ids, "before": before, "after": after})
        return
    if change.override_id is None:
        click.echo(f"{calendar.key} {session}: {after}, as before; nothing was changed")
        return
    replaced = " (replaces an earlier override)" if change.replaced is not None else ""
    click.echo(f"{calendar.key} {session}: {after}; before: {before}{replaced}")


@command.command()
@click.argument("exchange")
@click.option("--from", "first", help="First day, YYYY-MM-DD; today unless given.")
@click.option("--to", "last", help="Last day, included; 400 days later unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def diff(*, exchange: str, first: str | None, last: str | None, as_json: bool) -> None:
    """Show the days on which the pinned library, the calendar in force and the second library differ.

    Differences from other witnesses that the nightly check has found, such as the vendor, are shown too.
    """
    from tickstock_dagster.adapters.calendars.quorum import standing_disagreements
    from tickstock_dagster.adapters.calendars.store import calendar_in_force
    from tickstock_dagster.adapters.calendars.witnesses import SECOND_LIBRARY, ask_second_library

    key = market_named(exchange).calendar
    workspace = open_workspace()
    library, force = library_calendar(key), calendar_in_force(workspace.engine, key)
    start, end = _span(first, last, force, workspace.now(), _COMPARED)
    second = ask_second_library(force, start, end)
    columns: dict[str, dict[date, str]] = {
        name: {hours.session: session_words(calendar, hours) for hours in calendar.session_hours(start, end)}
        for name, calendar in (("library", library), ("in force", force))
    }
    if second is not None:
        columns[SECOND_LIBRARY] = dict(second.days)
    days = sorted(set().union(*columns.values()))
    rows = [{"day": day, **{name: words.get(day, CLOSED) for name, words in columns.items()}} for day in days]
    rows = [row for row in rows if len({row[name] for name in columns}) > 1]
    standing = [
        one
        for one in standing_disagreements(workspace.engine, workspace.now())
        if one.calendar == key and one.witness != SECOND_LIBRARY and start <= one.session <= end
    ]
    if as_json:
        alerts = [
            {"day": one.session, "witness": one.witness, "ours": one.ours, "theirs": one.theirs} for one in standing
        ]
        print_json(
            {
                "calendar": key,
                "from": start,
                "to": end,
                "witnesses": list(columns),
                "differences": rows,
                "alerts": alerts,
            }
        )
        return
    if second is None:
        click.echo(f"{SECOND_LIBRARY} is not installed: only the library and the calendar in force are compared")
    if not rows:
        click.echo(f"{key} {start} to {end}: {', '.join(columns)} agree on every day")
    for row in rows:
        click.echo(f"{row['day']}  " + "; ".join(f"{name}: {row[name]}" for name in columns))
    for one in standing:
        click.secho(f"{one.session}  {one.witness}: {one.theirs}; in force: {one.ours}", fg="yellow")


def _span(
    first: str | None, last: str | None, calendar: SessionCalendar, now: datetime, default: timedelta
) -> tuple[date, date]:
    """The days between two options, within the calendar's bounds."""
    start = parse_date("--from", first) if first else now.astimezone(calendar.timezone).date()
    end = parse_date("--to", last) if last else min(start + default, calendar.last)
    if start > end:
        raise BadInputError("--from", start, f"a day up to --to, {end}")
    for field, day in (("--from", start), ("--to", end)):
        if not calendar.first <= day <= calendar.last:
            raise BadInputError(field, day, f"a day from {calendar.first} to {calendar.last}")
    return start, end


def _rows(
    calendar: SessionCalendar, start: date, end: date, overridden: dict[date, "StoredOverride"]
) -> list[dict[str, Any]]:
    """One entry for each session, each weekday without one, and each overridden day."""
    rows = []
    for offset in range((end - start).days + 1):
        day = start + timedelta(days=offset)
        is_session, stored = calendar.is_session(day), overridden.get(day)
        if not is_session and stored is None and day.weekday() >= 5:
            continue
        hours = calendar.hours_of(day) if is_session else None
        opens, closes = (
            (at.astimezone(calendar.timezone).isoformat() for at in (hours.opens_at, hours.closes_at))
            if hours
            else (None, None)
        )
        rows.append(
            {
                "day": day,
                "session": is_session,
                "opens_at": opens,
                "closes_at": closes,
                "early_close": bool(hours and hours.is_early_close),
                "override": _override_facts(stored) if stored else None,
            }
        )
    return rows


def _override_facts(row: "StoredOverride") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(row)


def _print_days(title: str, rows: list[dict[str, Any]]) -> None:
    from tickstock_dagster.cli.tables import Column, print_table

    columns = [Column("day"), Column(""), Column("opens"), Column("closes"), Column("note", text=True)]
    printed: list[tuple[str, ...]] = []
    styles: list[str | None] = []
    for row in rows:
        stored = row["override"]
        notes = ["early close"] if row["early_close"] else [] if row["session"] else ["closed"]
        if row["computed"]:
            notes.append("computed")
        if stored:
            notes.append(f"override by {stored['created_by']}: {stored['reason']}")
        times = (row[name][11:16] if row[name] else "" for name in ("opens_at", "closes_at"))
        printed.append((str(row["day"]), f"{row['day']:%a}", *times, "; ".join(notes)))
        styles.append("yellow" if stored else None if row["session"] else "dim")
    print_table(columns, printed, title=title, styles=styles)
