"""One run of a bar asset: opening it, guarding its partitions, and reporting what it did as Dagster events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

import dagster as dg
import sqlalchemy as sa

from tickstock_dagster.adapters.bar_loader import BarLoader, LoadReport, LoadRequest
from tickstock_dagster.adapters.coverage_store import cell_states, completeness, gaps_by_reason
from tickstock_dagster.adapters.eod_store import declare_complete
from tickstock_dagster.adapters.listing_store import read_intervals
from tickstock_dagster.adapters.outbox import DispatchReport
from tickstock_dagster.adapters.vendor.source import BarSource, VendorError
from tickstock_dagster.core.calendars import SessionCalendar
from tickstock_dagster.core.coverage import Completeness, expected_cells
from tickstock_dagster.core.eod import reaches_objective
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.defs.partitions import MARKET
from tickstock_dagster.defs.pictures import coverage_markdown
from tickstock_dagster.defs.resources import Clock, RedisNotifications, VendorResource, WarehouseResource
from tickstock_dagster.defs.tags import SESSION_TAG, TRIGGER_TAG

AssetEvent = dg.MaterializeResult | dg.AssetMaterialization | dg.AssetObservation

PREVIEW_ROWS = 10


@dataclass(frozen=True, slots=True)
class BarRun:
    """What one run works with: store, source, calendar in force, and the moment it began (aware)."""

    engine: sa.Engine
    source: BarSource
    calendar: SessionCalendar
    run_id: str
    clock: Clock
    started_at: datetime

    @classmethod
    def open(
        cls,
        context: dg.AssetExecutionContext,
        warehouse: WarehouseResource,
        vendor: VendorResource,
        clock: Clock,
    ) -> Self:
        """Open store and source.

        Raises:
            Failure: the store, its schema or the source cannot be used; not retried.
        """
        try:
            engine = warehouse.engine()
            calendar = warehouse.calendar(MARKET)
            return cls(engine, vendor.open(), calendar, context.run_id, clock, clock.now())
        except TickstockError as error:
            raise dg.Failure(str(error), allow_retries=False) from None

    def closed_sessions(self, keys: Sequence[str]) -> tuple[date, ...]:
        """The sessions of the keys that have closed, ascending.

        Raises:
            Failure: there is none: the range is empty (inverted), or nothing in it has closed yet.
        """
        days = sorted({date.fromisoformat(key) for key in keys})
        if not days:
            raise dg.Failure("no partition is selected: is the range inverted?", allow_retries=False)
        latest = self.calendar.latest_closed_session(self.clock.now())
        closed = tuple(day for day in days if day <= latest and self.calendar.is_session(day))
        if not closed and not any(self.is_cancelled(day) for day in days):
            closes = self.calendar.closes_at(days[0]).astimezone(self.calendar.timezone)
            raise dg.Failure(
                f"session {days[0]} closes at {closes:%Y-%m-%d %H:%M %Z}: the latest closed one is {latest}",
                allow_retries=False,
            )
        return closed

    def is_cancelled(self, day: date) -> bool:
        """Whether the day has a partition and an override took the session away."""
        return not self.calendar.is_session(day)

    def states(self, tickers: Sequence[str], days: Sequence[date]) -> dict[date, Completeness]:
        """Each session's completeness over some tickers."""
        expected = expected_cells(sorted(days), read_intervals(self.engine, tickers))
        return {state.session: state for state in completeness(self.engine, expected)}

    def load(self, request: LoadRequest) -> LoadReport:
        """Load, with errors meant for people as a `Failure`.

        Raises:
            Failure: bad input, no rights, or no store. Not retried: the loader has retried what may go away.
        """
        if not request.tickers:
            raise dg.Failure(
                "nothing is tracked: track a universe or a profile first (`tickstock load --profile dev`)",
                allow_retries=False,
            )
        loader = BarLoader(self.source, self.engine, self.calendar, MARKET, self.run_id, self.clock.now)
        try:
            return loader.load(request)
        except (TickstockError, VendorError) as error:
            raise dg.Failure(str(error), allow_retries=False) from None


def report_sessions(
    context: dg.AssetExecutionContext,
    run: BarRun,
    report: LoadReport,
    tracked: Sequence[str],
    notifications: RedisNotifications,
) -> Iterator[AssetEvent]:
    """Tell Dagster which sessions are complete, tell consumers that the day is done, and fail for the rest.

    A session is complete when everything tracked is, whatever part of it this run was asked for; a run of chosen
    tickers fails only for those.

    Raises:
        Failure: some session stays below the objective; the complete ones are materialised before.
    """
    states = {state.session: state for state in report.states}
    whole = states if set(tracked) <= set(report.tickers) else run.states(tracked, list(states))
    days = [date.fromisoformat(key) for key in context.partition_keys]
    done = [day for day in days if run.is_cancelled(day) or (day in whole and reaches_objective(whole[day]))]
    _declare_end_of_day(context, run, [whole[day] for day in done if day in whole], tracked)
    metadata = load_metadata(run, report, _send(context, notifications))
    if len(done) == len(days):
        cancelled = [str(day) for day in days if run.is_cancelled(day)]
        metadata |= {"market_closed": ", ".join(cancelled)} if cancelled else {}
        yield dg.MaterializeResult(metadata=metadata)
        return
    for day in done:
        rows = whole[day].stored if day in whole else 0
        yield dg.AssetMaterialization(
            context.asset_key, partition=str(day), metadata={"dagster/partition_row_count": rows}
        )
    yield dg.AssetObservation(context.asset_key, metadata=metadata)
    failed = [states[day] for day in days if day in states and not reaches_objective(states[day])]
    if failed:
        worst = min(failed, key=lambda state: state.ratio)
        raise dg.Failure(
            f"{len(failed)} of {len(days)} sessions stay incomplete; worst {worst.session}: "
            f"{worst.stored} of {worst.expected - worst.final} bars. {_why(report)}",
            metadata=metadata,
            allow_retries=False,
        )
    left = [str(day) for day in days if day not in done]
    context.log.info("not closed yet, or complete only for the chosen tickers: %s", ", ".join(left))


def report_cells(
    context: dg.AssetExecutionContext,
    run: BarRun,
    report: LoadReport,
    keys: Sequence[dg.MultiPartitionKey],
    notifications: RedisNotifications,
) -> Iterator[AssetEvent]:
    """Tell Dagster which cells are stored or explained for good, and fail for the rest.

    Raises:
        Failure: some expected cell is neither; the others are materialised before.
    """
    metadata = load_metadata(run, report, _send(context, notifications))
    if all(state.missing == 0 for state in report.states) and len(report.states) == len({_session(k) for k in keys}):
        yield dg.MaterializeResult(metadata=metadata)
        return
    cells = {(_session(key), key.keys_by_dimension["ticker"]): key for key in keys}
    states = cell_states(run.engine, min(day for day, _ in cells), max(day for day, _ in cells))
    for (day, ticker), key in cells.items():
        if states.get((day, ticker)) in ("stored", "final"):
            rows = int(states[day, ticker] == "stored")
            yield dg.AssetMaterialization(
                context.asset_key, partition=key, metadata={"dagster/partition_row_count": rows}
            )
    yield dg.AssetObservation(context.asset_key, metadata=metadata)
    missing = sum(state.missing for state in report.states)
    if missing:
        raise dg.Failure(
            f"{missing} of {sum(state.expected for state in report.states)} bars are missing. {_why(report)}",
            metadata=metadata,
            allow_retries=False,
        )


def load_metadata(run: BarRun, report: LoadReport, sent: DispatchReport) -> dict[str, Any]:
    """A load's facts as run metadata: numbers that the UI plots, and the coverage picture."""
    stored, states = report.stored, report.states
    expected, present = sum(s.expected for s in states), sum(s.stored for s in states)
    metadata: dict[str, Any] = {
        "sessions": len(states),
        "bars_expected": expected,
        "bars_stored": present,
        "bars_explained": sum(s.final for s in states),
        "bars_missing": sum(s.missing for s in states),
        "completeness": present / (expected - sum(s.final for s in states)) if present else 0.0,
        "rows_inserted": stored.inserted,
        "rows_restated": stored.restated,
        "rows_unchanged": stored.unchanged,
        "rows_quarantined": stored.quarantined,
        "vendor_calls": report.calls,
        "load_seconds": report.seconds,
        "events_sent": sent.sent,
        "events_waiting": sent.left,
        "source": run.source.name,
        "unresolved_tickers": len(report.unresolved),
        "dagster/partition_row_count": present if len(states) == 1 else None,
    }
    if report.gaps:
        metadata["gaps_by_reason"] = dg.MetadataValue.md(
            "\n".join(["| reason | bars |", "|---|---|", *(f"| {k} | {n} |" for k, n in report.gaps.items())])
        )
    if report.unknown:
        metadata["unknown_tickers"] = ", ".join(report.unknown[:50])
    if report.failures:
        metadata["failures"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in report.failures[:PREVIEW_ROWS]))
    if states:
        metadata["coverage"] = dg.MetadataValue.md(coverage_markdown(states))
    return {key: value for key, value in metadata.items() if value is not None}


def _send(context: dg.AssetExecutionContext, notifications: RedisNotifications) -> DispatchReport:
    """Send what waits in the outbox. Redis being away fails no run: the events stay, and a sensor sends them later."""
    report = notifications.dispatch()
    if report.error:
        context.log.warning("%s notifications wait: %s", report.left, report.error)
    return report


def _declare_end_of_day(
    context: dg.AssetExecutionContext, run: BarRun, complete: Sequence[Completeness], tracked: Sequence[str]
) -> None:
    """Tell consumers about the latest closed session, and about any session that an end-of-day run was for."""
    now = run.clock.now()
    wanted = {run.calendar.latest_closed_session(now)}
    if context.run.tags.get(TRIGGER_TAG) == "eod" and SESSION_TAG in context.run.tags:
        wanted.add(date.fromisoformat(context.run.tags[SESSION_TAG]))
    for state in complete:
        if state.session in wanted:
            security_ids = read_intervals(run.engine, tracked)["security_id"].unique().to_list()
            declare_complete(
                run.engine,
                state,
                gaps_by_reason(run.engine, security_ids, state.session, state.session),
                market=MARKET,
                source=run.source.name,
                run_id=run.run_id,
                started_at=run.started_at,
                now=now,
            )


def _session(key: dg.MultiPartitionKey) -> date:
    return date.fromisoformat(key.keys_by_dimension["session"])


def _why(report: LoadReport) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.gaps.items())
    failures = f" First failure: {report.failures[0]}" if report.failures else ""
    return f"Gaps: {reasons or 'none explained'}.{failures}"
