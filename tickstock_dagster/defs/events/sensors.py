"""The sensor that sends the notifications that runs left over."""

import dagster as dg

from tickstock_dagster.defs.automation import DEFAULT_STATUS
from tickstock_dagster.defs.resources import Clock, RedisNotifications


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="Sends notifications that were left over while Redis was away.",
)
def outbox_sensor(notifications: RedisNotifications, clock: Clock) -> dg.SkipReason:
    """Runs send their own events; this one sees to the rest."""
    report = notifications.dispatch()
    if report.error:
        return dg.SkipReason(f"{report.left} events wait: {report.error}")
    sent = f"sent {report.sent}" if report.sent else "nothing was left over"
    return dg.SkipReason(f"{sent}; {report.left} wait ({clock.now():%H:%M:%S} UTC)")
