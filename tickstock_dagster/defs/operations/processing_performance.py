"""The sensor that keeps how each type of security is processed, and publishes when a type misses its targets.

The check that shows the same belongs in `defs.quality.processing_checks`.
"""

import dagster as dg

from tickstock_dagster.adapters.ledger.performance import newest_end, processing_day, record_performance
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.defs.automation import DEFAULT_STATUS
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="Keeps processing time and success rate of each equity type; publishes missed targets and their end.",
)
def processing_performance_sensor(
    context: dg.SensorEvaluationContext,
    warehouse: WarehouseResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> dg.SkipReason:
    """Measures again when something has ended since the last look, whoever ended it: a load, a worker, a command."""
    now = clock.now()
    try:
        engine = warehouse.engine()
        newest = newest_end(engine)
        seen = f"{processing_day(now)} {newest.isoformat() if newest else 'nothing'}"
        if seen == context.cursor:
            return dg.SkipReason("nothing has ended since the last look")
        measured = record_performance(engine, now=now)
    except TickstockError as error:
        return dg.SkipReason(str(error))
    notifications.dispatch()  # outbox_sensor reports a Redis that is away
    context.update_cursor(seen)
    missed = [f"{one.equity_type}: {'; '.join(one.missed)}" for one in measured if one.breached]
    return dg.SkipReason("; ".join(missed) or f"{len(measured)} types were processed today, and keep their targets")
