"""The nightly quorum on the calendars, and the check that reports what it found."""

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.calendars.quorum import QuorumReport, hold_quorum, standing_disagreements
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.core.calendars.markets import MARKET, MARKET_TIMEZONE
from tickstock_dagster.core.calendars.quorum import Disagreement
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.defs.automation import DEFAULT_STATUS
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.resources import Clock, VendorResource, WarehouseResource
from tickstock_dagster.defs.runs import failures
from tickstock_dagster.defs.tags import TRIGGER_TAG

CHECK = "calendar_agreement"
_SHOWN = 20


class QuorumConfig(dg.Config):
    """Whether to ask the witnesses, or only to read the stored disagreements."""

    ask: bool = Field(False, description="Ask every witness now; otherwise report what the last quorum found.")


@dg.asset_check(
    asset=session_bars,
    name=CHECK,
    description="The calendars, the second library, the vendor's special days and the traded volume agree.",
)
def calendar_agreement(
    context: dg.AssetCheckExecutionContext,
    config: QuorumConfig,
    warehouse: WarehouseResource,
    vendor: VendorResource,
    clock: Clock,
) -> dg.AssetCheckResult:
    """WARN while a disagreement stands that no override decides. No witness changes the calendar by itself."""
    now, report = clock.now(), None
    with failures():
        engine = warehouse.engine()
        if config.ask:
            report = hold_quorum(LoadContext(vendor.open(), engine, MARKET, context.run.run_id, clock.now))
        standing = standing_disagreements(engine, now)
    undecided = [one for one in standing if not one.overridden]
    for one in undecided:
        context.log.warning(
            "%s %s: %s by %s; in force: %s", one.calendar, one.session, one.theirs, one.witness, one.ours
        )
    return dg.AssetCheckResult(
        passed=not undecided,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"value": len(undecided), "threshold": 0, "disagreements": _table(standing), **_heard(report)},
    )


calendar_quorum = dg.define_asset_job(
    "calendar_quorum",
    selection=dg.AssetSelection.checks(calendar_agreement),
    config={"ops": {f"us__session_bars_{CHECK}": {"config": {"ask": True}}}},
    description="Asks every witness about the calendars, and stores differences in calendar_disagreements.",
)


@dg.schedule(
    job=calendar_quorum,
    # A fixed hour does here, on closed days too: nothing is loaded, and by then every session is past its objective.
    cron_schedule="0 21 * * *",
    execution_timezone=MARKET_TIMEZONE,
    default_status=dg.DefaultScheduleStatus(DEFAULT_STATUS),
    description="Compares the calendars with their witnesses every night, long after the close.",
)
def calendar_quorum_schedule(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Once a night, unless an override lets the market trade that late."""
    now = context.scheduled_execution_time
    if (calendar := warehouse.calendar(MARKET)).is_open(now):
        session = now.astimezone(calendar.timezone).date()
        return dg.SkipReason(
            f"{session} still trades: an override closes it at {calendar.closes_at(session):%H:%M} UTC"
        )
    return dg.RunRequest(run_key=f"quorum/{now:%Y-%m-%d}", tags={TRIGGER_TAG: "schedule"})


def _heard(report: QuorumReport | None) -> dict[str, str | int]:
    if report is None:
        return {"witnesses": "not asked: these are the findings of the last quorum (job calendar_quorum)"}
    return {
        "witnesses": "; ".join(report.asked) or "none",
        "not_heard": "; ".join(report.unheard) or "none",
        "noticed": report.noticed,
        "resolved": report.resolved,
    }


def _table(standing: list[Disagreement]) -> dg.MarkdownMetadataValue:
    if not standing:
        return dg.MetadataValue.md("none")
    rows = [
        (one.session, one.calendar, one.ours, one.witness, one.theirs, "yes" if one.overridden else None)
        for one in standing[:_SHOWN]
    ]
    return dg.MetadataValue.md(markdown_table(["day", "calendar", "in force", "witness", "says", "override"], rows))
