"""From answers to one transaction's batch: validated rows, explained absences, finished units.

The rules belong in `core`; this adds what they need from the store (usual volumes, holders of tickers).

Longer than 250 lines because every kind of outcome of an answer meets the others here, in one batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from tickstock_dagster.adapters.bars.store import ListingStart, StoreBatch, rows_as_json
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.units import FinishedUnit
from tickstock_dagster.adapters.loading.coverage import ENOUGH_SESSIONS, usual_volumes
from tickstock_dagster.adapters.loading.processing import read_retry_terms
from tickstock_dagster.adapters.securities.listing_store import intervals_of
from tickstock_dagster.adapters.sources.fetcher import BarAnswer
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.protocol import (
    LimitedHistory,
    NotEntitledError,
    NotPublishedYetError,
    OutOfHistoryError,
    Source,
    VendorError,
)
from tickstock_dagster.core.bars.daily_bars import BAR_SCHEMA
from tickstock_dagster.core.bars.history import served_from
from tickstock_dagster.core.bars.ingest import SESSION_TABLE, absent_cells, first_bars, validate_answers
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import (
    CELL_SCHEMA,
    GAP_SCHEMA,
    SETTLES_AFTER,
    GapReason,
    absence_evidence,
    explain_absences,
)
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

EXAMPLES = 10
"""How many quarantined rows a load's report names."""


@dataclass(frozen=True, slots=True)
class AnswerValidator:
    """Validates the answers of one load.

    Attributes:
        context: the load's.
        calendar: with its overrides applied.
        intervals: `INTERVAL_SCHEMA` of the requested securities.
        asked: the expected cells that the load's units fill: `CELL_SCHEMA` plus `unit_id` and `kind`; texts may be
            categories.
        bracketed: the same of cells in which a bar is possible and none is expected.
        unproven: days on which nothing proves whose a ticker was, as
            `adapters.securities.identity_sync.UNPROVEN_SCHEMA`.
        expected: (session, expected): the bars that the load expects for each session, stored ones included.
    """

    context: LoadContext[Source]
    calendar: SessionCalendar
    intervals: pl.DataFrame
    asked: pl.DataFrame
    bracketed: pl.DataFrame
    unproven: pl.DataFrame
    expected: pl.DataFrame

    def validate(self, answers: Sequence[BarAnswer], now: datetime) -> tuple[StoreBatch, tuple[str, ...]]:
        """The batch to store, and the tickers of good rows that no security held on their session. `now` is aware."""
        good = [answer for answer in answers if answer.result is not None]
        sessions = session_table(self.calendar, [answer.question for answer in answers])
        grouped = any(answer.question.kind is not UnitKind.RANGE for answer in good)
        # All holders of a ticker: it may have passed on between the session and today.
        intervals = intervals_of(self.context.engine, None) if grouped else self.intervals
        validated = validate_answers(
            _rows(good),
            intervals,
            sessions,
            market=self.context.market,
            now=now,
            unproven=self.unproven,
            requested=set(self.intervals["security_id"]),
        )
        answered = [answer.question.unit_id for answer in good]
        asked, bracketed = _of_units(self.asked, answered), _of_units(self.bracketed, answered)
        asked, bracketed, unserved = self._served(asked, bracketed, validated.bars, now)
        # A broken row shows that the security traded, too.
        seen = ["security_id", "ticker", "session"]
        received = pl.concat([validated.bars.select(seen), validated.rejected.select(seen)])
        ranged = pl.concat([asked, bracketed]).filter(pl.col("kind") == UnitKind.RANGE.value)
        starts = first_bars(received, intervals, ranged)
        absent = absent_cells(asked, validated.bars, sessions, self.expected)
        if isinstance(self.context.source, FileSource):  # a file that lacks many names is no outage
            absent = absent.with_columns(suspicious=pl.lit(value=False))
        explained = explain_absences(
            absent.select(*CELL_SCHEMA, "closes_at", "suspicious"),
            self._usual_volumes(absent, validated.bars),
            validated.rejected.select("ticker", "session", "reason"),
            now=now,
            asked=absence_evidence(self.context.source.name),
            terms=self._retry_terms(absent, now),
        )
        if isinstance(self.context.source, FileSource) and self.context.source.capabilities.own_rows:
            explained = _beyond_the_file(explained, self.context.source, now)
        failed = [
            self.failed_gaps([answer.question], answer.error, now, alone=answer.alone)
            for answer in answers
            if answer.error is not None
        ]
        per_unit = dict(validated.bars.group_by("unit_id").len().iter_rows())
        doubtful = {
            unit_id: f"the answer lacks {lacking} of {owed} expected bars"
            for unit_id, lacking, owed in absent.filter("suspicious")
            .group_by("unit_id")
            .len()
            .join(asked.group_by("unit_id").agg(pl.len().alias("owed")), on="unit_id")
            .iter_rows()
        }
        batch = StoreBatch(
            source=self.context.source.name,
            run_id=self.context.run_id,
            now=now,
            bars=validated.bars,
            rejected=validated.rejected.with_columns(rows_as_json(validated.rejected)),
            gaps=pl.concat([explained, unserved, *failed]),
            starts=[ListingStart(*row) for row in starts.iter_rows()],
            units=[_end(answer, per_unit.get(answer.question.unit_id, 0), doubtful) for answer in answers],
        )
        return batch, validated.unresolved

    def _served(
        self, asked: pl.DataFrame, bracketed: pl.DataFrame, bars: pl.DataFrame, now: datetime
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Both kinds of cells without those before the key's history, and the gaps of these: no answer spoke of them.

        They are due in 30 days, as those that the vendor refuses.
        """
        source = self.context.source
        served = served_from(
            pl.concat([asked, bracketed]),
            bars,
            history_from=source.history_from if isinstance(source, LimitedHistory) else None,
            source=source.name,
            now=now,
        )
        if served.is_empty():
            return asked, bracketed, pl.DataFrame(schema=GAP_SCHEMA)
        before = pl.col("session") < pl.col("served_from")
        dated = asked.join(served, on="unit_id", how="left", maintain_order="left")
        # A bar may have come of the few days that the search for the edge left out.
        dated = dated.join(bars, on=["security_id", "session"], how="anti", maintain_order="left")
        unserved = dated.filter(before).with_columns(
            reason=pl.lit(GapReason.NOT_ENTITLED.value),
            retry_at=pl.lit(now + timedelta(days=30)).cast(pl.Datetime("us", "UTC")),
        )
        key = ["unit_id", "security_id", "session"]
        maybe = bracketed.join(served, on="unit_id").filter(before)
        return (
            asked.join(unserved, on=key, how="anti", maintain_order="left"),
            bracketed.join(maybe, on=key, how="anti", maintain_order="left"),
            unserved.select(list(GAP_SCHEMA)),
        )

    def _retry_terms(self, absent: pl.DataFrame, now: datetime) -> pl.DataFrame:
        """The retry terms of absent cells on sessions that have not settled."""
        late = absent.filter(pl.lit(now) - pl.col("closes_at") < SETTLES_AFTER)
        return read_retry_terms(self.context.engine, late.select("security_id", "session").rows())

    def _usual_volumes(self, absent: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
        """Median volume of each absent security: from the same answers where they hold enough, else from the store."""
        if absent.is_empty():
            return pl.DataFrame(schema={"security_id": pl.Int64, "median_volume": pl.Float64})
        wanted = absent["security_id"].unique()
        answered = (
            bars.filter(pl.col("security_id").is_in(wanted.to_list()))
            .group_by("security_id")
            .agg(pl.col("volume").median().alias("median_volume"), pl.len().alias("rows"))
            .filter(pl.col("rows") >= ENOUGH_SESSIONS)
            .drop("rows")
        )
        others = sorted(set(wanted) - set(answered["security_id"]))
        before = absent["session"].max()
        assert isinstance(before, date)  # noqa: S101  # the column is a date and not empty
        return pl.concat([answered, usual_volumes(self.context.engine, others, before)]) if others else answered

    def failed_gaps(
        self, units: Sequence[WorkUnit], error: VendorError, now: datetime, *, alone: bool = False
    ) -> pl.DataFrame:
        """Explain the cells of units that failed or were not asked for. They are due at once: the next run asks again.

        Cells that the vendor refuses as older than the plan's history are due in 30 days, and those of a ticker that it
        refuses while it answers for others, in one.

        Args:
            units: of one outcome.
            error: what the source raised.
            now: aware.
            alone: the refusal says nothing about other units.
        """
        cells = _of_units(self.asked, [unit.unit_id for unit in units])
        if isinstance(error, OutOfHistoryError):
            return same_reason(cells, GapReason.NOT_ENTITLED, str(error), now + timedelta(days=30))
        if isinstance(error, NotEntitledError):
            return same_reason(cells, GapReason.NOT_ENTITLED, str(error), now + timedelta(days=int(alone)))
        late = (pl.lit(now) - pl.col("closes_at") < SETTLES_AFTER) | pl.lit(isinstance(error, NotPublishedYetError))
        return (
            cells.join(session_table(self.calendar, units), on="session", how="left")
            .with_columns(
                reason=pl.when(late)
                .then(pl.lit(GapReason.VENDOR_LATE.value))
                .otherwise(pl.lit(GapReason.VENDOR_MISSING.value)),
                evidence=pl.lit(str(error)),
                retry_at=pl.lit(now).cast(pl.Datetime("us", "UTC")),
            )
            .select(list(GAP_SCHEMA))
        )


def _beyond_the_file(gaps: pl.DataFrame, source: FileSource, now: datetime) -> pl.DataFrame:
    """Gaps before a ticker's first row in a file, or after its last: they are owed, however thinly it trades."""
    spans = source.spans()
    asked = absence_evidence(source.name)
    beyond = (pl.col("reason") != GapReason.QUARANTINED.value) & ~pl.col("session").is_between("first", "last")
    ends = pl.when(pl.col("session") > pl.col("last")).then(
        pl.lit(f"{asked} ends with ") + pl.col("last").cast(pl.String)
    )
    begins = pl.lit(f"{asked} begins with ") + pl.col("first").cast(pl.String)
    return (
        gaps.join(spans, on="ticker", how="left", maintain_order="left")
        .with_columns(
            reason=pl.when(beyond).then(pl.lit(GapReason.VENDOR_MISSING.value)).otherwise("reason"),
            evidence=pl.when(beyond).then(ends.otherwise(begins)).otherwise("evidence"),
            retry_at=pl.when(beyond).then(pl.lit(now + timedelta(days=30))).otherwise("retry_at"),
        )
        .with_columns(pl.col("retry_at").cast(pl.Datetime("us", "UTC")))
        .select(list(GAP_SCHEMA))
    )


def _of_units(cells: pl.DataFrame, unit_ids: Sequence[str]) -> pl.DataFrame:
    """The cells of some units, with their texts as texts."""
    ids = pl.Series(unit_ids, dtype=pl.String).cast(cells.schema["unit_id"], strict=False)
    return cells.filter(pl.col("unit_id").is_in(ids.implode())).cast({"ticker": pl.String, "unit_id": pl.String})


def _end(answer: BarAnswer, rows: int, doubtful: dict[str, str]) -> FinishedUnit:
    """How the unit ended. An answer that lacks many bars proves no single absence: it is asked for again."""
    unit, began, elapsed = answer.question, answer.started_at, answer.elapsed_ms
    if answer.error is not None:
        return FinishedUnit.failed(unit, answer.error, began, elapsed)
    return FinishedUnit(unit, rows, began, doubtful.get(unit.unit_id), elapsed_ms=elapsed)


def quarantine_words(rejected: pl.DataFrame, most: int) -> list[str]:
    """The first rows that broke a rule, one line each."""
    rows = rejected.select("ticker", "session", "reason").head(max(0, most)).iter_rows()
    return [f"{ticker} {session}: {reason}" for ticker, session, reason in rows]


def same_reason(cells: pl.DataFrame, reason: GapReason, evidence: str, retry_at: datetime) -> pl.DataFrame:
    """`GAP_SCHEMA` of cells that share one reason.

    Args:
        cells: `CELL_SCHEMA`.
        reason: stored with each.
        evidence: stored with each.
        retry_at: aware; when the cells are due again.
    """
    return cells.with_columns(
        reason=pl.lit(reason.value),
        evidence=pl.lit(evidence),
        retry_at=pl.lit(retry_at).cast(pl.Datetime("us", "UTC")),
    ).select(list(GAP_SCHEMA))


def unproven_gaps(cells: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """`GAP_SCHEMA` of cells on days without a proof of whose their ticker was (`PlannedLoad.doubtful`).

    They are due at once: each load looks for evidence first, and asks for no bar without it.
    """
    why = pl.format("whose {} was is not proven from {} to before {}", "ticker", "unproven_from", "unproven_to")
    return cells.with_columns(
        reason=pl.lit(GapReason.IDENTITY_UNPROVEN.value),
        evidence=why,
        retry_at=pl.lit(now).cast(pl.Datetime("us", "UTC")),
    ).select(list(GAP_SCHEMA))


def session_table(calendar: SessionCalendar, units: Sequence[WorkUnit]) -> pl.DataFrame:
    """`SESSION_TABLE` over the span of some units."""
    hours = calendar.session_hours(min(unit.first for unit in units), max(unit.last for unit in units))
    columns = {"session": [day.session for day in hours], "closes_at": [day.closes_at for day in hours]}
    return pl.DataFrame(columns, schema=SESSION_TABLE)


def _rows(answers: Sequence[BarAnswer]) -> pl.DataFrame:
    frames = [a.result.with_columns(unit_id=pl.lit(a.question.unit_id)) for a in answers if a.result is not None]
    empty = pl.DataFrame(schema={**BAR_SCHEMA, "unit_id": pl.String})
    return pl.concat([empty, *frames], how="diagonal")  # an answer with odd rows has a further column
