"""Sensors that keep people informed: events that no run would publish, and mails about events that matter."""

from datetime import datetime

import dagster as dg

from tickstock_dagster.adapters.operations.day_notices import publish_early_close, publish_overdue
from tickstock_dagster.adapters.operations.mail import Mailer
from tickstock_dagster.adapters.operations.mail_queue import MailRun, send_due_mails
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.defs.automation import DEFAULT_STATUS, eod_attempts
from tickstock_dagster.defs.bars.market_bars import MARKETS
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource
from tickstock_dagster.settings import load_settings, market_file

_STATUS = dg.DefaultSensorStatus(DEFAULT_STATUS)


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=_STATUS,
    description="Publishes, once each, an early close a day ahead and a session that is below its objective when due.",
)
def day_notice_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: WarehouseResource,
    vendor: VendorResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> dg.SkipReason:
    """No run publishes these: while the vendor is away there may be none, and people must hear of that."""
    published, failed = list[str](), list[str]()
    for market in (MARKET, *MARKETS):
        try:
            same_day = vendor.same_day() if market == MARKET else True
            published += _notices(context.instance, warehouse, market, clock.now(), same_day=same_day)
        except TickstockError as error:
            failed += [str(error)] if str(error) not in failed else []
    if published:
        notifications.dispatch()  # outbox_sensor reports a Redis that is away
        failed.insert(0, f"published: {'; '.join(published)}")
    return dg.SkipReason("; ".join(failed) or "nothing new to publish")


def _notices(
    instance: dg.DagsterInstance, warehouse: WarehouseResource, market: str, now: datetime, *, same_day: bool
) -> list[str]:
    """Publish what the clock alone says about a market; returns what was new, in words.

    Args:
        instance: whose run history says how often a session was attempted.
        warehouse: the store.
        market: MIC of its calendar.
        now: aware.
        same_day: whether its source has bars on the session's own day.
    """
    engine, calendar = warehouse.engine(), warehouse.calendar(market)
    attempts = eod_attempts(instance, calendar.latest_closed_session(now), market)
    name = "" if market == MARKET else f"{market} "
    used = market == MARKET or market_file(market)
    early = publish_early_close(engine, calendar, now=now) if used else None
    # Also of a market whose file is no longer named: what is tracked stays expected.
    late = publish_overdue(engine, calendar, same_day=same_day, attempts=attempts, now=now)
    found = [f"{name}{early} closes early"] if early else []
    return found + ([f"{name}{late} is below the objective, which was due"] if late else [])


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=_STATUS,
    description="Mails the administrators about early closes, unexpected holidays and sessions below the objective.",
)
def admin_mail_sensor(warehouse: WarehouseResource, clock: Clock) -> dg.SkipReason:
    """One mail per event: the outbox holds the events, `admin_mails` records those that were mailed."""
    try:
        mailer = Mailer.of(load_settings())
        if mailer.lacks:
            return dg.SkipReason(mailer.lacks)
        run = send_due_mails(warehouse.engine(), mailer, clock.now)
    except TickstockError as error:
        return dg.SkipReason(str(error))
    return dg.SkipReason(_words(run, clock.now()))


def _words(run: MailRun, now: datetime) -> str:
    if run.busy:
        return "another process is sending mails"
    sent = f"sent {run.sent}" if run.sent else "no mail was due"
    if run.next_try_at is None:
        return f"{sent}; no mail waits"
    why = f": {run.error}" if run.error else ""
    return f"{sent}; {run.waiting} wait until {max(run.next_try_at, now):%Y-%m-%d %H:%M:%S} UTC{why}"
