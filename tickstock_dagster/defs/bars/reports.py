"""What a run of a bar asset reports to Dagster and consumers: partitions, metadata, the end of day, or its failure.

Opening a run and loading belong in `defs.bars.runs`. Longer than 250 lines because sessions and cells are reported by
the same rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg

from tickstock_dagster.adapters.bars.load_values import LoadReport
from tickstock_dagster.adapters.events.outbox import DispatchReport
from tickstock_dagster.adapters.loading.completeness import completeness_by_group
from tickstock_dagster.adapters.loading.coverage import cell_states
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.quality.gap_alerts import publish_long_gaps
from tickstock_dagster.core.loading.completeness import groups_table
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import reaches_objective
from tickstock_dagster.defs.bars.eod_reports import EodAttempt, declare_end_of_day, summary_table
from tickstock_dagster.defs.bars.load_metadata import PREVIEW_ROWS, load_metadata, session_metadata
from tickstock_dagster.defs.bars.runs import NOTHING_TRACKED, BarRun
from tickstock_dagster.defs.partition_events import (
    MOST_FAILED,
    mark_failed,
    materialise,
    never_materialised,
    without_events,
)
from tickstock_dagster.defs.resources import RedisNotifications
from tickstock_dagster.defs.runs import dispatch

AssetEvent = dg.MaterializeResult[None] | dg.AssetMaterialization | dg.AssetObservation


def report_sessions(
    context: dg.AssetExecutionContext,
    run: BarRun,
    report: LoadReport,
    notifications: RedisNotifications,
    attempt: EodAttempt,
    *,
    chosen: bool,
    keyed: bool = True,
) -> Iterator[AssetEvent]:
    """Report to Dagster which sessions are complete, publish that the day is done, and fail for the rest.

    A session is complete when everything tracked is, whatever part of it the run loaded. Sessions that an override
    added have no partition; their events are published like those of others.

    Args:
        context: of the run.
        run: the same run, with store and calendar.
        report: what the load did.
        notifications: sends the events.
        attempt: publishes that the session stays incomplete.
        chosen: the run was for chosen tickers or one universe, and fails only for those.
        keyed: the run's partitions are its sessions; else it was for sessions without one, and materialises nothing.

    Raises:
        Failure: some session stays below the objective; the complete ones are materialised before.
    """
    states = {state.session: state for state in report.states}
    # Unless it was for chosen tickers, the load has resolved everything tracked.
    tracked = run.tracked(list(states)) if chosen and states else report.expectation
    more = chosen and tracked.intervals.height and not tracked.same_days(report.expectation, min(states), max(states))
    whole = run.states(tracked, list(states)) if more else states
    partitions = {date.fromisoformat(key) for key in context.partition_keys} if keyed else set()
    days = sorted(partitions | states.keys())
    done = [day for day in days if run.is_cancelled(day) or (day in whole and reaches_objective(whole[day]))]
    gaps = report.gaps if whole is states and len(states) == 1 else None
    declare_end_of_day(context, run, [whole[day] for day in done if day in whole], tracked, gaps)
    attempt.ended(_why(report), tracked)
    # Consumers wait for the end of the day; nobody waits for the numbers below.
    sent = _send(context, run, notifications)
    metadata = _end_of_day_metadata(context, run, report, tracked) if len(states) == 1 and not chosen else {}
    tracking = NOTHING_TRACKED if chosen else run.tracking_words()
    metadata |= load_metadata(run, report, sent, tracking=tracking)
    if cancelled := [str(day) for day in days if run.is_cancelled(day)]:
        metadata["market_closed"] = ", ".join(cancelled)
    if len(done) == len(days) and len(days) == 1 and keyed:
        yield dg.MaterializeResult(metadata={**metadata, "dagster/partition_row_count": metadata["bars_stored"]})
        return
    settled = {str(day): session_metadata(whole.get(day)) for day in done if day in partitions}
    _materialise_new(context, report, settled, {key: date.fromisoformat(key) for key in settled})
    left = {day: _why_left(run, day, states, whole) for day in days if day not in done}
    if left:
        metadata["not_materialised"] = "; ".join(f"{day}: {why}" for day, why in list(left.items())[:PREVIEW_ROWS])
    # Last, so that the events of the asset open with it.
    yield dg.AssetObservation(context.asset_key, metadata=metadata)
    failed = [states[day] for day in days if day in states and not reaches_objective(states[day])]
    if failed and not _is_whole_file(run, report):
        mark_failed(
            context, {str(state.session): session_metadata(state) for state in failed if state.session in partitions}
        )
        worst = min(failed, key=lambda state: state.ratio)
        raise dg.Failure(
            f"{len(failed)} of {len(days)} sessions stay incomplete; worst {worst.session}: "
            f"{worst.stored} of {worst.expected - worst.final} bars. {_why(report)}",
            metadata=metadata,
            allow_retries=False,
        )
    if left:
        context.log.warning("%s", metadata["not_materialised"])
    yield without_events()


def report_cells(
    context: dg.AssetExecutionContext,
    run: BarRun,
    report: LoadReport,
    keys: Sequence[dg.MultiPartitionKey],
    notifications: RedisNotifications,
) -> Iterator[AssetEvent]:
    """Report to Dagster which cells are settled, and fail for the rest.

    A cell is settled when it is stored, has a final reason, or is not expected: the ticker was not listed on that
    session, or an override cancelled the session.

    Args:
        context: of the run.
        run: the same run, with store and calendar.
        report: what the load did.
        keys: the run's partitions.
        notifications: sends the events.

    Raises:
        Failure: some expected bar is missing, or no list of the vendor has some ticker (a mistyped key must not hold
            back the others); the settled cells are materialised before.
    """
    metadata = load_metadata(run, report, _send(context, run, notifications), tracking=NOTHING_TRACKED)
    known = [key for key in keys if key.keys_by_dimension["ticker"] not in report.unknown]
    settled = _settled_cells(run, report.expectation, known)
    missing = sum(state.missing for state in report.states)
    if not missing and len(settled) == len(keys) == 1:
        yield dg.MaterializeResult(metadata={**metadata, "dagster/partition_row_count": metadata["bars_stored"]})
        return
    rows = {str(key): {"dagster/partition_row_count": stored} for key, stored in settled.items()}
    _materialise_new(context, report, rows, {str(key): _session(key) for key in settled})
    yield dg.AssetObservation(context.asset_key, metadata=metadata)
    problems = []
    if missing and not _is_whole_file(run, report):
        expected = sum(state.expected for state in report.states)
        problems.append(f"{missing} of {expected} bars are missing. {_why(report)}")
    if report.unknown:
        names = ", ".join(report.unknown[:PREVIEW_ROWS])
        problems.append(
            f"No ticker list of the vendor has {names}: delete the key, or wait until the ticker is listed."
        )
    if problems:
        left = sorted((key for key in keys if key not in settled), key=_session)
        mark_failed(context, {str(key): {"dagster/partition_row_count": 0} for key in left})
        if len(left) > MOST_FAILED:
            problems.append(f"The {MOST_FAILED} newest of {len(left):,} such cells are shown as failed.")
        raise dg.Failure(" ".join(problems), metadata=metadata, allow_retries=False)
    if missing:
        context.log.warning("%s bars are missing that the file does not have. %s", missing, _why(report))
    yield without_events()


def _is_whole_file(run: BarRun, report: LoadReport) -> bool:
    """Whether the load took what a file has: bars that somebody's file lacks are owed, and no failure of the load.

    A file without a single bar of what was asked for is one.
    """
    stored = any(state.stored for state in report.states)
    return run.source.capabilities.own_rows and stored and not report.failures


def _materialise_new(
    context: dg.AssetExecutionContext,
    report: LoadReport,
    settled: Mapping[str, Mapping[str, Any]],
    sessions: Mapping[str, date],
) -> None:
    """Materialise those settled partitions of which the load stored or explained something new, or that never were.

    Args:
        context: of the run.
        report: what the load did.
        settled: metadata by partition key.
        sessions: the session of each key.
    """
    new = never_materialised(context, list(settled))
    written = {key: facts for key, facts in settled.items() if key in new or sessions[key] in report.changed}
    materialise(context, written)


def _settled_cells(
    run: BarRun, expectation: Expectation, keys: Sequence[dg.MultiPartitionKey]
) -> dict[dg.MultiPartitionKey, int]:
    """The settled cells among `keys`, each with its number of stored bars, 1 or 0."""
    if not keys:
        return {}
    latest = run.calendar.latest_closed_session(run.clock.now())
    cells = {key: (_session(key), key.keys_by_dimension["ticker"]) for key in keys}
    days = {day for day, _ in cells.values() if day <= latest or run.is_cancelled(day)}
    traded = sorted(day for day in days if not run.is_cancelled(day))
    expected = set(expectation.cells(traded).select("session", "ticker").iter_rows())
    states = cell_states(run.engine, min(days), max(days))
    return {
        key: int(states.get(cell) == "stored")
        for key, cell in cells.items()
        if cell[0] in days and (cell not in expected or states.get(cell) in ("stored", "final"))
    }


def _send(context: dg.AssetExecutionContext, run: BarRun, notifications: RedisNotifications) -> DispatchReport:
    """Send what waits in the outbox, if Redis is there; then publish alerts for gaps of more than one session.

    Finding the gaps takes seconds in a large store that owes much, and consumers wait for the end of the day.
    """
    first = dispatch(context, notifications)
    if not publish_long_gaps(run.engine, run.calendar, market=run.market, run_id=run.run_id, now=run.clock.now()):
        return first
    second = dispatch(context, notifications)
    return replace(second, sent=first.sent + second.sent)


def _end_of_day_metadata(
    context: dg.AssetExecutionContext, run: BarRun, report: LoadReport, tracked: Expectation
) -> dict[str, Any]:
    """The summary of a run over one session, logged as well, and the groups that are least complete."""
    summary = summary_table(report)
    context.log.info("%s", summary)
    session = report.states[0].session
    groups = completeness_by_group(run.engine, [session], tracked.cells([session]), market=run.market)
    tables = {"summary": summary, "completeness_by_group": groups_table(groups) if groups else None}
    return {name: dg.MetadataValue.md(table) for name, table in tables.items() if table}


def _why_left(run: BarRun, day: date, loaded: dict[date, Completeness], whole: dict[date, Completeness]) -> str:
    """Why a session is not materialised, for people."""
    if day > run.calendar.latest_closed_session(run.clock.now()):
        return f"closes at {run.calendar.closes_at(day).astimezone(run.calendar.timezone):%Y-%m-%d %H:%M %Z}"
    if day not in loaded:
        return "no ticker of this load was listed"
    if day not in whole:
        return "nothing is expected: it lies before the first session of every tracked universe"
    state = whole[day]
    return f"{state.stored} of {state.expected - state.final} tracked bars are stored"


def _session(key: dg.MultiPartitionKey) -> date:
    return date.fromisoformat(key.keys_by_dimension["session"])


def _why(report: LoadReport) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.gaps.items())
    failures = f" First failure: {report.failures[0]}" if report.failures else ""
    retried = f" Units to be tried again: {report.retrying}." if report.retrying else ""
    dead = f" Dead units: {len(report.dead)}, the first: {report.dead[0]}" if report.dead else ""
    broken = f" Quarantined: {'; '.join(report.quarantined)}." if report.quarantined else ""
    none_due = report.gaps and not report.plan.units
    early = " None is due to be requested again yet; ask_again requests them now." if none_due else ""
    return f"Gaps: {reasons or 'none explained'}.{early}{broken}{failures}{retried}{dead}"
