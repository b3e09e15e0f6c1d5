"""The check that each type of security is processed as fast and as well as its targets say."""

import dagster as dg

from tickstock_dagster.adapters.ledger.performance import measure_performance, processing_day
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.runs import failures


@dg.asset_check(
    asset=session_bars, description="Today each type's processing time and success rate keep its performance_targets."
)
def processing_targets(warehouse: WarehouseResource, clock: Clock) -> dg.AssetCheckResult:
    """WARN, for what has ended today in New York, of all datasets. Changes nothing: a sensor keeps the figures."""
    day = processing_day(clock.now())
    with failures():
        measured = measure_performance(warehouse.engine(), day)
    missed = [one for one in measured if one.breached]
    rows = [
        (
            one.equity_type,
            f"{one.symbols:,}",
            None if one.p50_ms is None else f"{one.p50_ms:,.1f}",
            None if one.p95_ms is None else f"{one.p95_ms:,.1f}",
            f"{one.target_ms:,.0f}",
            None if one.success_rate is None else f"{one.success_rate:.2f}",
            f"{one.target_success_rate:g}",
        )
        for one in sorted(measured, key=lambda one: (not one.breached, -one.symbols))
    ]
    head = ["type", "symbols", "p50 ms", "p95 ms", "target ms", "success %", "target %"]
    sample = "; ".join(f"{one.equity_type}: {', '.join(one.missed)}" for one in missed[:10])
    return dg.AssetCheckResult(
        passed=not missed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "day": str(day),
            "value": len(missed),
            "threshold": 0,
            "sample": sample or "none",
            "types": dg.MetadataValue.md(markdown_table(head, rows[:10], right=head[1:]) if rows else "none"),
        },
    )
