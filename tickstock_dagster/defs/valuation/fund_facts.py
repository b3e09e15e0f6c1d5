"""Net asset values and sectors of funds: the asset, its job, and the schedule of the morning after."""

from datetime import date
from typing import Any

import dagster as dg

from tickstock_dagster.adapters.sources.protocol import TransientVendorError
from tickstock_dagster.adapters.valuation.fund_facts import FundFactsReport, load_fund_facts
from tickstock_dagster.core.calendars.markets import MARKET, MARKET_TIMEZONE
from tickstock_dagster.defs.automation import DEFAULT_STATUS
from tickstock_dagster.defs.partitions import sessions
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource
from tickstock_dagster.defs.runs import SourceRun, failures
from tickstock_dagster.defs.securities.assets import etf_profiles
from tickstock_dagster.defs.tags import OWNERS, RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG, VENDOR_POOL


@dg.asset(
    key_prefix="reference",
    deps=[etf_profiles],
    partitions_def=sessions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="reference",
    kinds={"python", "postgres"},
    owners=OWNERS,
    tags={"domain": "etf", "cadence": "session"},
    pool=VENDOR_POOL,
    metadata={"dagster/table_name": "public.fund_navs"},
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL),
    code_version="1",
)
def fund_facts(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, vendor: VendorResource, clock: Clock
) -> dg.MaterializeResult[None]:
    """Net asset values (`fund_navs`, `fund_premiums`) and sector allocations (`fund_sectors`) of funds.

    Which types they are stored for is for `processing_rules.enrichment` of the types to say. Where the plan does not
    include them, the metadata say so, and nothing is stored.
    """
    run = SourceRun.open_source(context, warehouse, vendor, clock)
    reports: dict[date, FundFactsReport] = {}
    for day in run.closed_sessions(context.partition_keys):
        with failures(retried=TransientVendorError):
            reports[day] = load_fund_facts(run.load_context, day)
    newest = max(reports, default=None)
    metadata = _metadata(reports[newest]) if newest else {"market_closed": True}
    return dg.MaterializeResult(metadata={**metadata, "sessions": len(reports)})


def _metadata(report: FundFactsReport) -> dict[str, Any]:
    return {
        "session": str(report.session),
        **{f"{fact}_answered": rows for fact, rows in report.answered.items()},
        **{f"{fact}_written": rows for fact, rows in report.written.items()},
        **{f"{fact}_left": words for fact, words in report.left.items()},
        "vendor_calls": report.calls,
    }


us_fund_facts = dg.define_asset_job(
    "us_fund_facts",
    selection=dg.AssetSelection.assets(fund_facts),
    description="Net asset values and sectors of funds of chosen sessions.",
)


@dg.schedule(
    job=us_fund_facts,
    # The vendor brings the facts of a session out during the night; a fixed hour does, on closed days too.
    cron_schedule="30 8 * * *",
    execution_timezone=MARKET_TIMEZONE,
    default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
    description="Net asset values and sectors of funds of the latest closed session, on the morning after.",
)
def us_fund_facts_schedule(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Once for each session: the mornings of closed days have the session of the day before."""
    now = context.scheduled_execution_time
    session = str(warehouse.calendar(MARKET).latest_closed_session(now))
    tags = {RANGE_START: session, RANGE_END: session, SESSION_TAG: session, TRIGGER_TAG: "schedule"}
    return dg.RunRequest(run_key=f"fund_facts/{session}", tags={**tags, "dagster/priority": "1"})
