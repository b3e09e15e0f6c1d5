"""The sensor that sends notifications which wait in the outbox."""

import dagster as dg

from tickstock_dagster.defs.automation import DEFAULT_STATUS
from tickstock_dagster.defs.resources import Clock, RedisNotifications


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="Sends notifications that wait in the outbox, as after Redis was away.",
)
def outbox_sensor(notifications: RedisNotifications, clock: Clock) -> dg.SkipReason:
    """Runs send their own events; this sensor sends the rest."""
    report = notifications.dispatch()
    if report.error:
        return dg.SkipReason(f"{report.left} events wait: {report.error}")
    sent = f"sent {report.sent}" if report.sent else "nothing to send"
    return dg.SkipReason(f"{sent}; {report.left} wait ({clock.now():%H:%M:%S} UTC)")
