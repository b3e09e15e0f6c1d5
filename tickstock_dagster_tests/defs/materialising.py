"""Executing chosen assets in tests, on one partition or on a range of them, with a clock that stands still."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import dagster as dg

from tickstock_dagster.defs.tags import RANGE_END, RANGE_START
from tickstock_dagster_tests.defs.factory import SUNDAY, Factory, all_definitions


def materialise(
    factory: Factory,
    keys: Sequence[str],
    first: date | str,
    last: date | str | None = None,
    *,
    now: datetime = SUNDAY,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """Execute the assets (`universes/correlations`, …) in one run. `config` is by op (`universes__cache_entries`)."""
    factory.vendor.set_now(now)
    definitions = all_definitions()
    assets = list({id(a): a for a in (definitions.resolve_assets_def(key.split("/")) for key in keys)}.values())
    return dg.materialize(
        assets,
        instance=factory.instance,
        raise_on_error=False,
        tags={RANGE_START: str(first), RANGE_END: str(last or first), **(tags or {})},
        run_config={
            "resources": {"clock": {"config": {"fixed": now.isoformat()}}},
            "ops": {op: {"config": dict(values)} for op, values in (config or {}).items()},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )


def metadata_of(result: dg.ExecuteInProcessResult, key: str) -> dict[str, Any]:
    """The metadata of an asset's materialisation in a run."""
    [found] = [
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.is_step_materialization
        and event.step_materialization_data.materialization.asset_key.to_user_string() == key
    ][:1]
    return {name: value.value for name, value in found.metadata.items()}
