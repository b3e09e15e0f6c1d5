"""`tickstock events`: follow, send and inspect the notifications.

Longer than 250 lines because `tickstock events` has ten commands, each a few lines over one adapter.
"""

import json
import sys
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tickstock_dagster.cli.given_files import new_file
from tickstock_dagster.cli.typed import COUNT, POSITION, Seconds
from tickstock_dagster.core.errors import BadInputError, ConfigurationError, ServiceUnavailableError, TickstockError

if TYPE_CHECKING:
    from datetime import datetime

    from tickstock_dagster.adapters.events.outbox import DispatchReport
    from tickstock_dagster.adapters.events.tail import StreamEntry
    from tickstock_dagster.adapters.services.local import NotificationAddresses
    from tickstock_dagster.clock import Clock

MANY = 10_000
"""From this many events on, sending takes long enough for a progress bar."""

_PARENT_SECONDS = 1.0  # between two looks whether the parent is still there


@click.group(name="events")
def command() -> None:
    """Follow, send or inspect the notifications."""


@command.command()
@click.option("--from-start", is_flag=True, help="Begin with the oldest event in Redis instead of the next one.")
@click.option("--channel", help="Only this channel, such as tickstock.eod.complete.")
@click.option("--count", type=COUNT, help="End after this many events; fail if --timeout passes first.")
@click.option("--timeout", type=Seconds(), help="End after this many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print each event's envelope as one line of JSON.")
def tail(*, from_start: bool, channel: str | None, count: int | None, timeout: float | None, as_json: bool) -> None:
    """Follow the events in Redis, until interrupted.

    After a failure an event may appear twice, with the same id.
    """
    from tickstock_dagster.adapters.events.tail import tail as follow
    from tickstock_dagster.core.events.envelope import event_model

    if channel is not None:
        event_model(channel)  # before any server is started
    seen = 0
    entries = follow(_addresses().redis_url, channel=channel, start="0" if from_start else "$", timeout=timeout)
    try:
        for entry in islice(entries, count):
            seen += 1
            click.echo(json.dumps(entry.envelope) if as_json else _line(entry))
    except KeyboardInterrupt:
        return  # Ctrl-C is the usual end
    if count is not None and seen < count:
        raise TickstockError(f"{seen} of {count} events arrived within {timeout:g} s")


@command.command()
@click.option("--follow", is_flag=True, help="Keep sending events as they are committed, until SIGTERM or Ctrl-C.")
@click.option(
    "--heartbeat",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --follow: touch this file every few seconds while PostgreSQL and Redis can be reached.",
)
@click.option("--with-parent", is_flag=True, help="With --follow: end when the process that started it has ended.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dispatch(*, follow: bool, heartbeat: Path | None, with_parent: bool, as_json: bool) -> None:
    """Send the events that wait in the outbox to Redis.

    With --follow it runs as a service and sends events as soon as they are committed. Any number may run at once.
    """
    if heartbeat is not None and not follow:
        raise BadInputError("--heartbeat", heartbeat, "a file, together with --follow")
    if with_parent and not follow:
        raise BadInputError("--with-parent", "yes", "together with --follow")
    if heartbeat is not None:
        new_file("--heartbeat", str(heartbeat))
    if follow:
        _follow(heartbeat, with_parent=with_parent, as_json=as_json)
        return
    report = _dispatch()
    click.echo(json.dumps(asdict(report)) if as_json else _summary(report))
    if report.error:
        raise ServiceUnavailableError(f"{report.error} ({report.left} events wait in the outbox)")


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Show how many events wait, since when, how many were sent in the last 24 hours, and what is wrong."""
    from tickstock_dagster.adapters.events.outbox import OutboxDispatcher

    addresses = _addresses()
    found = OutboxDispatcher(addresses.database_url, addresses.redis_url).status(_now())
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    since = f", the oldest since {found.oldest_unsent:%Y-%m-%d %H:%M:%S} UTC" if found.oldest_unsent else ""
    click.echo(f"waiting          {found.unsent}{since}")
    click.echo(f"sent in 24 hours {found.sent_last_day}")
    if found.last_error:
        click.echo(f"last error       {found.last_error}")
    if found.dead:
        click.echo(f"dead letters     {found.dead}, {found.held} wait behind them: tickstock events dead list")
    for alert in found.alerts:
        click.echo(
            f"alert            group {alert.group} has lost {alert.entries} or more entries of {alert.stream}, "
            f"last seen {alert.last_at:%Y-%m-%d %H:%M:%S} UTC: "
            f"tickstock events replay --from-position {alert.from_position}"
        )


@command.group()
def dead() -> None:
    """List, retry or drop events that Redis refuses."""


@dead.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print each as one line of JSON.")
def list_dead(*, as_json: bool) -> None:
    """Show the events that Redis has refused, and how many events wait behind each."""
    from tickstock_dagster.adapters.events.dead_letters import dead_letters

    for letter in dead_letters(_addresses().database_url):
        line = (
            f"{letter.event_id}  {letter.channel}  {letter.subject}  {letter.attempts} attempts, {letter.held} behind"
        )
        click.echo(json.dumps(letter.as_json()) if as_json else f"{line}  {letter.error}")


@dead.command()
@click.argument("event_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
def retry(*, event_ids: tuple[str, ...], everything: bool) -> None:
    """Send dead letters again, now, and then the events that wait behind them."""
    from tickstock_dagster.adapters.events.dead_letters import release

    if bool(event_ids) == everything:
        raise BadInputError("EVENT_IDS", " ".join(event_ids), "one or more ids, or --all")
    released = release(_addresses().database_url, None if everything else event_ids)
    report = _dispatch()
    click.echo(f"{len(released)} released; {_summary(report)}")
    if report.error:
        raise ServiceUnavailableError(f"{report.error} ({report.left} events wait in the outbox)")


@dead.command()
@click.argument("event_ids", nargs=-1, required=True)
@click.confirmation_option(
    "--yes", prompt="Dropped events are never sent. Drop them?", help="Do not ask for confirmation."
)
def drop(*, event_ids: tuple[str, ...]) -> None:
    """Drop dead letters permanently; the next dispatch sends the events behind them."""
    from tickstock_dagster.adapters.events.dead_letters import drop as give_up

    click.echo(f"{len(give_up(_addresses().database_url, event_ids, _now()))} dropped")


@command.command()
@click.option("--since", help="Events from this time on: ISO 8601, UTC if it has no offset.")
@click.option("--until", help="Events before this time.")
@click.option("--from-position", type=POSITION, help="Events from this position in the outbox on.")
@click.option("--channel", help="Only this channel, such as tickstock.eod.complete.")
@click.option("--to-stream", help="Only to this stream, which has no cap; delete it once it has been read.")
def replay(
    *, since: str | None, until: str | None, from_position: int | None, channel: str | None, to_stream: str | None
) -> None:
    """Send events that were sent before to the streams again, under the same ids and marked as replayed.

    Nothing is published on pub/sub channels, and which events count as sent does not change.
    """
    from tickstock_dagster.adapters.events.replay import Selection
    from tickstock_dagster.adapters.events.replay import replay as send_again

    selection = Selection.of(since=since, until=until, from_position=from_position, channel=channel)
    addresses = _addresses()
    with ExitStack() as shown:
        bars: list[Any] = []  # none before something is sent: what is refused is one line

        def show(done: int, total: int) -> None:
            if not bars:
                bar = click.progressbar(length=total, label="Replaying events", file=sys.stderr)
                bars.append(shown.enter_context(bar))
            bars[0].update(done - bars[0].pos)

        report = send_again(
            addresses.database_url, addresses.redis_url, selection, _now(), to_stream=to_stream, on_sent=show
        )
    click.echo(f"{report.sent} events replayed to {to_stream or 'their streams'}")
    if report.error:
        raise ServiceUnavailableError(f"{report.error}; go on with --from-position {report.next_position}")


@command.command()
@click.option("--test", "trial", is_flag=True, help="Send one test mail.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def mail(*, trial: bool, as_json: bool) -> None:
    """Send the mails that wait for the administrators now; with --test, send a test mail.

    The server, its login and the receivers come from the environment: TICKSTOCK_SMTP_HOST, TICKSTOCK_MAIL_TO, ….
    """
    from tickstock_dagster.adapters.operations.mail import Mailer
    from tickstock_dagster.core.operations.mails import trial_mail
    from tickstock_dagster.settings import load_settings

    mailer = Mailer.of(load_settings())
    if why := mailer.lacks or mailer.wrong:
        raise ConfigurationError(why)
    if trial:
        report = mailer.send(trial_mail(_now()))
        error, found = report.why_not, {"sent": int(report.sent), "receivers": list(mailer.receivers)}
        words = f"{mailer.host}:{mailer.port} accepted the mail to {', '.join(mailer.receivers)}"
    else:
        from tickstock_dagster.adapters.operations.mail_queue import send_due_mails
        from tickstock_dagster.adapters.postgres.database import open_engine

        run = send_due_mails(open_engine(_addresses().database_url), mailer, _clock(), at_once=True)
        error, found = run.error, {"sent": run.sent, "waiting": run.waiting}
        words = "another process is sending mails" if run.busy else f"{run.sent} mails sent, {run.waiting} wait"
    if error is None or not trial:
        click.echo(json.dumps(found) if as_json else words)
    if error:
        raise ServiceUnavailableError(error)


@command.command()
def catalogue() -> None:
    """Print the catalogue of all events, docs/events.md."""
    from tickstock_dagster.core.events.catalogue import event_catalogue

    click.echo(event_catalogue(), nl=False)


@command.command()
def asyncapi() -> None:
    """Print the AsyncAPI description of all channels, docs/asyncapi.yaml."""
    from tickstock_dagster.core.events.asyncapi import asyncapi_yaml

    click.echo(asyncapi_yaml(), nl=False)


def _dispatch() -> "DispatchReport":
    """Send everything that waits, with a progress bar if that is much."""
    from tickstock_dagster.adapters.events.outbox import OutboxDispatcher

    addresses, clock = _addresses(), _clock()
    dispatcher = OutboxDispatcher(addresses.database_url, addresses.redis_url, clock=clock)
    waiting = dispatcher.status(clock()).unsent
    if waiting < MANY:
        return dispatcher.dispatch()
    with click.progressbar(length=waiting, label="Sending events", file=sys.stderr) as bar:
        return dispatcher.dispatch(on_sent=lambda sent: bar.update(sent - bar.pos))


def _follow(heartbeat: Path | None, *, with_parent: bool, as_json: bool) -> None:
    import os
    import signal
    import threading

    from tickstock_dagster.adapters.events.follow import follow
    from tickstock_dagster.cli.interruption import handle_yourself

    addresses = _addresses()
    stop = threading.Event()
    handle_yourself()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if with_parent:
        parent = os.getppid()

        def watch() -> None:
            # An orphan gets another parent, on every system; no signal says so on all of them.
            while not stop.wait(_PARENT_SECONDS):
                if os.getppid() != parent:
                    stop.set()

        threading.Thread(target=watch, daemon=True).start()
    click.echo("following the outbox until SIGTERM or Ctrl-C", err=True)
    follow(
        addresses.database_url,
        addresses.redis_url,
        stop,
        clock=_clock(),
        on_report=lambda report: click.echo(json.dumps(asdict(report)) if as_json else _summary(report)),
        on_trouble=lambda text: click.echo(f"tickstock: {text}", err=True),
        on_well=lambda: heartbeat.touch() if heartbeat else None,
    )


def _addresses() -> "NotificationAddresses":
    from tickstock_dagster.adapters.postgres.database import name_sessions
    from tickstock_dagster.adapters.services.local import notification_addresses
    from tickstock_dagster.settings import load_settings

    name_sessions(" ".join(["tickstock", *click.get_current_context().command_path.split()[1:]]))
    return notification_addresses(load_settings())


def _clock() -> "Clock":
    from tickstock_dagster.clock import clock_of
    from tickstock_dagster.settings import load_settings

    return clock_of(load_settings())


def _now() -> "datetime":
    return _clock()()


def _line(entry: "StreamEntry") -> str:
    """Time, channel, subject and data, for a terminal."""
    from tickstock_dagster.core.events.envelope import EVENTS

    data: dict[str, Any] = entry.envelope.get("data") or {}
    model = EVENTS.get(entry.channel)
    # The database does not keep the order of the fields; the model knows it.
    known = [*model.model_fields, *model.model_computed_fields] if model else []
    names = sorted(data, key=lambda name: known.index(name) if name in known else len(known))
    fields = " ".join(f"{name}={_short(data[name])}" for name in names if data[name] is not None)
    return f"{entry.envelope.get('time', '')}  {entry.channel}  {entry.subject}  {fields}"


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _summary(report: "DispatchReport") -> str:
    if report.busy:
        return f"another dispatcher is sending; {report.left} events wait"
    note = "" if report.confirmed is not False else " (Redis cannot confirm that they are on disk)"
    note += f" ({report.waits_for}: sending goes on when it has read them)" if report.waits_for else ""
    return f"{report.sent} events sent in {report.seconds:.2f} s, {report.left} wait{note}"
