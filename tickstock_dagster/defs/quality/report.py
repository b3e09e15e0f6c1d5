"""The asset `quality/report`, its checks, and what launches it: the report of a session's data, after its bars."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from tickstock_dagster.adapters.quality.browsing import bars_until, read_reliability, scores_by_sector
from tickstock_dagster.adapters.quality.reports import SessionReport, report_sessions
from tickstock_dagster.adapters.quality.table_checks import standing_errors
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.defs.actions.assets import corporate_actions
from tickstock_dagster.defs.automation import DEFAULT_STATUS, loaded_sessions
from tickstock_dagster.defs.bars.assets import session_bars
from tickstock_dagster.defs.bars.end_of_day import us_eod
from tickstock_dagster.defs.bars.reconcile import us_reconcile
from tickstock_dagster.defs.partitions import sessions
from tickstock_dagster.defs.pictures import picture_markdown
from tickstock_dagster.defs.quality.pictures import WorstSymbol, day_png, reliability_png, worst_png
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource
from tickstock_dagster.defs.runs import StoreRun, failures
from tickstock_dagster.defs.tags import OWNERS, RANGE_END, RANGE_START, TRIGGER_TAG

REPORT_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("session", "date", "The session."),
        dg.TableColumn("security_id", "bigint", "The security."),
        dg.TableColumn("ticker", "text", "Its ticker on the session."),
        dg.TableColumn("price_score", "double precision", "Of its prices, 0 (worst) to 100."),
        dg.TableColumn("volume_score", "double precision", "Of its volume."),
        dg.TableColumn("freshness_score", "double precision", "Of the bars that are there, up to the session."),
        dg.TableColumn("overall_score", "double precision", "Half the mean of the three, half the worst of them."),
        dg.TableColumn("explained", "integer", "Its findings on the session that are explained."),
        dg.TableColumn("suspicious", "integer", "Those that are suspicious."),
        dg.TableColumn("wrong", "integer", "Those that are wrong."),
        dg.TableColumn("missing_sessions", "integer", "Of the last 20 sessions, those whose bar is owed."),
        dg.TableColumn("missing_in_a_row", "integer", "Of these, those in a row up to the session itself."),
        dg.TableColumn("recommendations", "ARRAY", "What to do, the most urgent first."),
        dg.TableColumn("reported_at", "timestamp with time zone", "As of when."),
        dg.TableColumn("run_id", "text", "The run that reported."),
    ]
)

ALERTS_PER_THOUSAND = 1.0
"""Suspicious findings per 1,000 symbols of a session; more are a warning: rules or vendor are off."""

_WORST, _SHOWN = 5, 10


@dg.asset(
    key_prefix="quality",
    deps=[session_bars, corporate_actions],
    partitions_def=sessions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    group_name="quality",
    kinds={"python", "postgres", "polars"},
    owners=OWNERS,
    tags={"domain": "quality", "cadence": "session"},
    metadata={"dagster/column_schema": REPORT_COLUMNS, "dagster/table_name": "public.quality_reports"},
    code_version="1",
)
def report(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    vendor: VendorResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> dg.MaterializeResult[None]:
    """How good the data of a session is: every rule applied, every tracked symbol scored.

    Findings are stored once, with their history; a row that is wrong is set aside and stays owed. Alerts and the
    summary are published with it. A range of sessions is judged in one run, a session a transaction. The vendor is
    asked for news of what nothing else accounts for, a few times, and not in turn with loads: none waits for that.
    """
    run = StoreRun.open(context, warehouse, clock)
    days = run.traded_sessions(context.partition_keys)
    if not days:
        return dg.MaterializeResult(metadata={"market_closed": ", ".join(context.partition_keys)})
    began, totals, last = (
        time.perf_counter(),
        dict.fromkeys(("found", "changed", "withdrawn", "alerted", "aside"), 0),
        None,
    )
    with failures():
        now, source = run.clock.now(), vendor.open()
        for one in report_sessions(run.engine, run.calendar, days, run_id=run.run_id, now=now, news=source):
            stored, last = one.stored, one
            counts = (stored.found, stored.changed, stored.withdrawn, stored.alerted, len(stored.set_aside))
            totals = {name: totals[name] + count for name, count in zip(totals, counts, strict=True)}
        seconds = round(time.perf_counter() - began, 3)
        sent = notifications.dispatch()
        shown = _facts(run, last) if last is not None else {}
    return dg.MaterializeResult(
        metadata={
            "sessions": len(days),
            "findings_new": totals["found"],
            "findings_changed": totals["changed"],
            "findings_withdrawn": totals["withdrawn"],
            "alerts": totals["alerted"],
            "bars_set_aside": totals["aside"],
            "seconds": seconds,
            "events_sent": sent.sent,
            "events_waiting": sent.left,
            **shown,
        }
    )


def _facts(run: StoreRun, one: SessionReport) -> dict[str, Any]:
    """Scores, worst symbols and pictures of the last session of the run."""
    rows = one.rows
    facts: dict[str, Any] = {
        "session": str(one.session),
        "dagster/partition_row_count": rows.height,
        **{str(verdict): sum(found.verdict is verdict for found in one.findings) for verdict in Verdict},
    }
    if rows.is_empty() or one.summary is None:
        return facts
    facts |= {f"{trend.score}_score": round(trend.value, 4) for trend in one.summary.scores}
    degrades, actions = list(one.summary.degrades), list(one.summary.actions)
    worst = rows.filter(pl.col("overall_score") < 100)
    head = ["ticker", "price_score", "volume_score", "freshness_score", "overall_score"]
    table = markdown_table([*head, "to do"], _table_rows(worst, head), right=head[1:])
    tables = {
        "degrades": "\n".join(f"- {words}" for words in degrades) or "nothing degrades",
        "actions": "\n".join(f"- {words}" for words in actions) or "nothing to do",
        "worst": table if worst.height else "every symbol scores 100",
    }
    pictures = {"day": day_png(one.session, scores_by_sector(run.engine, one.session), one.findings)}
    if drawn := _worst(run, one, worst):
        pictures["worst_symbols"] = worst_png(drawn)
    if reliability := read_reliability(run.engine):
        pictures["rules"] = reliability_png(reliability)
    shown = {name: picture_markdown(name, png) for name, png in pictures.items()}
    return facts | {name: dg.MetadataValue.md(words) for name, words in (tables | shown).items()}


def _table_rows(worst: pl.DataFrame, head: list[str]) -> list[tuple[Any, ...]]:
    return [
        (ticker, *(f"{score:.1f}" for score in scores), said[0] if said else None)
        for ticker, *scores, said in worst.head(_SHOWN).select(*head, "recommendations").iter_rows()
    ]


def _worst(run: StoreRun, one: SessionReport, worst: pl.DataFrame) -> list[WorstSymbol]:
    chosen = worst.head(_WORST).select("security_id", "ticker", "overall_score").rows()
    bars = bars_until(run.engine, run.calendar, [security for security, *_ in chosen], one.session)
    found = [
        WorstSymbol(
            ticker,
            score,
            bars.filter(pl.col("security_id") == security),
            [finding for finding in one.findings if finding.key.security_id == security],
        )
        for security, ticker, score in chosen
    ]
    return [symbol for symbol in found if symbol.bars.height]


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            "structure",
            asset=report,
            blocking=True,
            description="No stored row contradicts itself or its neighbours: what is wrong was set aside.",
        ),
        dg.AssetCheckSpec(
            "alerts",
            asset=report,
            description="At most 1 in 1,000 symbols of the latest reported session has a suspicious finding.",
        ),
    ],
    can_subset=True,
)
def report_checks(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> Iterator[dg.AssetCheckResult]:
    """ERROR for rows that are wrong and still stored, WARN for a session with many suspicious findings."""
    selected = {key.name for key in context.selected_asset_check_keys}
    with failures():
        standing = standing_errors(warehouse.engine())
    if "structure" in selected:
        metadata: dict[str, Any] = {
            "value": standing.errors.count,
            "threshold": 0,
            "sample": "; ".join(standing.errors.sample) or "none",
        }
        yield dg.AssetCheckResult(
            check_name="structure",
            asset_key=report.key,
            passed=standing.errors.count == 0,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata=metadata,
        )
    if "alerts" in selected:
        share = 1000 * standing.suspicious.count / standing.symbols if standing.symbols else 0.0
        yield dg.AssetCheckResult(
            check_name="alerts",
            asset_key=report.key,
            passed=share <= ALERTS_PER_THOUSAND,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "session": str(standing.session or "none"),
                "value": round(share, 3),
                "threshold": ALERTS_PER_THOUSAND,
                "findings": standing.suspicious.count,
                "symbols": standing.symbols,
                "sample": "; ".join(standing.suspicious.sample) or "none",
            },
        )


us_quality = dg.define_asset_job(
    "us_quality",
    selection=dg.AssetSelection.assets(report) | dg.AssetSelection.checks_for_assets(report),
    description="The quality report of chosen sessions: findings, scores, alerts, summary.",
)


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[us_eod, us_reconcile],
    request_job=us_quality,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus(DEFAULT_STATUS),
    description="After us_eod and us_reconcile: the quality report of the session, in one run.",
)
def us_quality_sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """The sessions of the run that succeeded. Reads no store, so that no session is lost while the store is away.

    The run carries no session's tag: the end of day waits for runs that do.
    """
    loaded = loaded_sessions(context.dagster_run.tags)
    if loaded is None:
        return dg.SkipReason("the run had no session")
    first, last = loaded
    return dg.RunRequest(
        run_key=context.dagster_run.run_id,
        tags={RANGE_START: first, RANGE_END: last, TRIGGER_TAG: "sensor", "dagster/priority": "2"},
    )
