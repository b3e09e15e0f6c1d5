"""What makes up for owed sessions of the datasets besides bars: one sensor, a run at a time, at low priority.

Each dataset has a job or a sensor that brings it up to date after a session's bars. Where that run failed, or was never
requested, its sessions stay owed (`adapters.loading.owed_datasets`), and `RECOVERED_BY` says what requests them again.
Bars and corporate actions belong in `defs.bars.catch_up`.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed_datasets import Dataset, owed_besides_bars
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.catch_up import Setback, decide_recovery
from tickstock_dagster.defs.automation import DEFAULT_STATUS, UNFINISHED, is_at_work
from tickstock_dagster.defs.bars.end_of_day import us_eod
from tickstock_dagster.defs.bars.reconcile import us_reconcile
from tickstock_dagster.defs.orphans import fail_orphans
from tickstock_dagster.defs.quality.report import us_quality
from tickstock_dagster.defs.resources import Clock, WarehouseResource
from tickstock_dagster.defs.tags import CATCH_UP, RANGE_END, RANGE_START, REQUESTED_TAG, TRIGGER_TAG
from tickstock_dagster.defs.universes.jobs import universe_correlations, universe_sync
from tickstock_dagster.defs.valuation.automation import us_fair_values

REQUESTED_HERE: Mapping[Dataset, tuple[str, ...]] = {
    Dataset.FAIR_VALUES: (us_fair_values.name, us_eod.name, us_reconcile.name),
    Dataset.CORRELATIONS: (universe_correlations.name, us_eod.name, universe_sync.name),
    Dataset.REPORTS: (us_quality.name, us_eod.name, us_reconcile.name),
}
"""The job of each dataset that is requested here, and the jobs that it waits for, since they may bring it."""

RECOVERED_BY: Mapping[Dataset, str] = {
    Dataset.ACTIONS: "us_catch_up_sensor",
    Dataset.LISTS: "the next end of day",
    Dataset.MEMBERSHIPS: "universe_sync_sensor",
    **dict.fromkeys(REQUESTED_HERE, "us_dataset_catch_up_sensor"),
}
"""What requests the owed sessions of each dataset again."""

GRACE = timedelta(minutes=5)
"""How long a newest session is owed before it is requested here: what follows a session's bars comes first."""

_REMEMBERED = 50


@dg.sensor(
    jobs=[us_fair_values, universe_correlations, us_quality],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="Requests owed sessions of fair values, correlations and quality reports again, at low priority; names "
    "what else is owed.",
)
def us_dataset_catch_up_sensor(
    context: dg.SensorEvaluationContext, warehouse: WarehouseResource, clock: Clock
) -> dg.SensorResult:
    """Decides by the store (what is owed), the run history (what runs, what ran in vain) and since when it is owed."""
    instance, now, engine = context.instance, clock.now(), warehouse.engine()
    calendar, library = warehouse.calendar(MARKET), library_calendar(MARKET)
    besides = owed_besides_bars(engine, calendar, Expectation.of_tracked(engine, market=MARKET).begins, now=now)
    if besides.is_empty():
        return dg.SensorResult(skip_reason="nothing is owed besides bars", cursor="{}")
    fail_orphans(instance)
    before: dict[str, list[str]] = json.loads(context.cursor or "{}")
    seen, requests, reasons = dict[str, list[str]](), list[dg.RunRequest](), list[str]()
    for dataset in besides["dataset"].unique(maintain_order=True):
        sessions = besides.filter(pl.col("dataset") == dataset)["session"].to_list()
        name = dataset.replace("_", " ")
        if dataset not in REQUESTED_HERE:
            reasons.append(f"{name}: {len(sessions)} owed, requested by {RECOVERED_BY[Dataset(dataset)]}")
            continue
        job, *_ = jobs = REQUESTED_HERE[Dataset(dataset)]
        newest, since = before.get(dataset, ["", ""])
        seen[dataset] = [str(sessions[0]), since if newest == str(sessions[0]) else now.isoformat()]
        due_at = datetime.fromisoformat(seen[dataset][1]) + GRACE
        waits = next((f"a run of {one} is queued or started" for one in jobs if is_at_work(instance, {}, one)), "")
        if not waits and now < due_at:
            waits = f"requested here from {due_at.astimezone(calendar.timezone):%H:%M %Z} on"
        keyed = [session for session in sessions if library.is_session(session)]
        decision = decide_recovery(calendar, now, keyed, waits_for=waits, setbacks=_setbacks(instance, job))
        if decision.first is None:
            reasons.append(f"{name}: {decision.reason}")
            continue
        span = {RANGE_START: str(decision.first), RANGE_END: str(decision.last), TRIGGER_TAG: CATCH_UP}
        tags = {**span, REQUESTED_TAG: now.isoformat(), "dagster/priority": "1"}
        requests.append(dg.RunRequest(run_key=f"{dataset}/{now.isoformat()}", job_name=job, tags=tags))
    cursor = json.dumps(seen)
    if requests:
        return dg.SensorResult(run_requests=requests, cursor=cursor)
    return dg.SensorResult(skip_reason="; ".join(reasons), cursor=cursor)


def _setbacks(instance: dg.DagsterInstance, job: str) -> list[Setback]:
    """The spans that were requested here before. Whatever their runs said: what is owed now, they have not brought."""
    found: dict[tuple[date, date], list[datetime]] = {}
    for run in instance.get_runs(dg.RunsFilter(job_name=job, tags={TRIGGER_TAG: CATCH_UP}), limit=_REMEMBERED):
        first, last, requested = (run.tags.get(name) for name in (RANGE_START, RANGE_END, REQUESTED_TAG))
        if first and last and requested and run.status not in UNFINISHED:
            span = (date.fromisoformat(first), date.fromisoformat(last))
            found.setdefault(span, []).append(datetime.fromisoformat(requested))
    return [Setback(first, last, len(times), max(times)) for (first, last), times in found.items()]
