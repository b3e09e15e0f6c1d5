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
    # The one job of all assets: dg.materialize would build a repository anew each time.
    job = all_definitions().resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=factory.instance,
        asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
        raise_on_error=False,
        tags={RANGE_START: str(first), RANGE_END: str(last or first), **(tags or {})},
        run_config={
            "resources": {"clock": {"config": {"fixed": now.isoformat()}}},
            "ops": {op: {"config": dict(values)} for op, values in (config or {}).items()},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
    )


def metadata_of(result: dg.ExecuteInProcessResult, key: str) -> dict[str, Any]:
    """The metadata of an asset in a run: of its observation, where a range has one, else of its materialisation."""
    data = [event.event_specific_data for event in result.all_events]
    observed = [entry.asset_observation for entry in data if hasattr(entry, "asset_observation")]
    materialised = [entry.materialization for entry in data if hasattr(entry, "materialization")]
    found = next(entry for entry in (*observed, *materialised) if entry.asset_key.to_user_string() == key)
    return {name: value.value for name, value in found.metadata.items()}
