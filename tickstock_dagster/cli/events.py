"""`tickstock events`: follow, send and inspect the notifications."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from tickstock_dagster.core.errors import ServiceUnavailableError, TickstockError

if TYPE_CHECKING:
    from tickstock_dagster.adapters.event_tail import StreamEntry
    from tickstock_dagster.adapters.local_services import ServiceAddresses
    from tickstock_dagster.adapters.outbox import DispatchReport

MANY = 10_000
"""From here on sending takes long enough to show how far it is."""


@click.group(name="events")
def command() -> None:
    """Follow, send or inspect the notifications."""


@command.command()
@click.option("--from-start", is_flag=True, help="Begin with the oldest event that Redis has, not with the next.")
@click.option("--channel", help="Only this channel, such as tickstock.eod.complete.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events; fewer by --timeout is a failure.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="End after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print each event's envelope as one line of JSON.")
def tail(*, from_start: bool, channel: str | None, count: int | None, timeout: float | None, as_json: bool) -> None:
    """Follow the events in Redis, until interrupted.

    After a failure the same event may come twice, with the same id.
    """
    from tickstock_dagster.adapters.event_tail import tail as follow
    from tickstock_dagster.core.events import event_model

    if channel is not None:
        event_model(channel)  # before any server is started
    seen = 0
    entries = follow(_addresses().redis_url, channel=channel, start="0" if from_start else "$", timeout=timeout)
    try:
        for entry in islice(entries, count):
            seen += 1
            click.echo(json.dumps(entry.envelope) if as_json else _line(entry))
    except KeyboardInterrupt:
        return  # how people end it
    if count is not None and seen < count:
        raise TickstockError(f"{seen} of {count} events came within {timeout:g} s")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dispatch(*, as_json: bool) -> None:
    """Send the events that still wait in the outbox to Redis."""
    from tickstock_dagster.adapters.outbox import OutboxDispatcher

    addresses = _addresses()
    dispatcher = OutboxDispatcher(addresses.database_url, addresses.redis_url)
    waiting = dispatcher.status(datetime.now(UTC)).unsent
    if waiting < MANY:
        report = dispatcher.dispatch()
    else:
        with click.progressbar(length=waiting, label="Sending events", file=sys.stderr) as bar:
            report = dispatcher.dispatch(on_sent=lambda sent: bar.update(sent - bar.pos))
    click.echo(json.dumps(asdict(report)) if as_json else _summary(report))
    if report.error:
        raise ServiceUnavailableError(f"{report.error} ({report.left} events wait in the outbox)")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Show how many events wait, since when, and how many were sent in the last day."""
    from tickstock_dagster.adapters.outbox import OutboxDispatcher

    addresses = _addresses()
    found = OutboxDispatcher(addresses.database_url, addresses.redis_url).status(datetime.now(UTC))
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    since = f", the oldest since {found.oldest_unsent:%Y-%m-%d %H:%M:%S} UTC" if found.oldest_unsent else ""
    click.echo(f"waiting          {found.unsent}{since}")
    click.echo(f"sent in 24 hours {found.sent_last_day}")
    if found.last_error:
        click.echo(f"last error       {found.last_error}")


@command.command()
def catalogue() -> None:
    """Print the catalogue of all events, docs/events.md."""
    from tickstock_dagster.core.events_catalogue import event_catalogue

    click.echo(event_catalogue(), nl=False)


def _addresses() -> "ServiceAddresses":
    from tickstock_dagster.adapters.local_services import resolve_addresses
    from tickstock_dagster.settings import load_settings

    return resolve_addresses(load_settings())


def _line(entry: "StreamEntry") -> str:
    """Time, channel, subject and data, for a terminal."""
    from tickstock_dagster.core.events import EVENTS

    data: dict[str, Any] = entry.envelope.get("data") or {}
    model = EVENTS.get(entry.channel)
    # The database does not keep the order of the fields; the model knows it.
    known = [*model.model_fields, *model.model_computed_fields] if model else []
    names = sorted(data, key=lambda name: known.index(name) if name in known else len(known))
    told = " ".join(f"{name}={_short(data[name])}" for name in names if data[name] is not None)
    return f"{entry.envelope.get('time', '')}  {entry.channel}  {entry.subject}  {told}"


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _summary(report: "DispatchReport") -> str:
    if report.busy:
        return f"another dispatcher is sending; {report.left} events wait"
    note = "" if report.confirmed is not False else " (Redis cannot confirm that they are on disk)"
    return f"{report.sent} events sent in {report.seconds:.2f} s, {report.left} wait{note}"
