"""The data of each kind of event: one model per kind, with its channel, its subject and its older alias.

What the descriptions promise beyond types, the validators enforce: no event that breaks a promise can be written.
The envelope around the data, and the list of all kinds, are in `core.events.envelope`; import from there.

Longer than 250 lines because each field stands beside its description, and each promise beside its fields.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeInt,
    PositiveInt,
    computed_field,
    model_validator,
)

UtcTime = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]
"""A moment; accepts any offset and keeps UTC."""


OUTSIDE = ("cli", "plan", "sql")
"""What ledger and log have for a run where there is none. Consumers get null."""

RunId = Annotated[
    str | None,
    BeforeValidator(lambda run_id: None if run_id in OUTSIDE else run_id),
    Field(json_schema_extra={"not": {"enum": [*OUTSIDE]}}),
]
"""A Dagster run, or null outside of Dagster: the store's own words for the latter become null."""

OneLine = Annotated[str | None, AfterValidator(lambda text: " ".join(text.split()) or None if text else None)]
"""A text for people; line breaks become spaces."""

JobUnit = Literal["sessions", "symbols", "cells"]
"""What a load counts; a cell is one symbol on one session."""


class EventData(BaseModel, ABC):
    """The `data` of one kind of event. Frozen; unknown fields, NaN and infinities are refused.

    Attributes:
        channel: Redis channel and stream, and the CloudEvents `type`.
        alias: unprefixed channel of the planning documents, pub/sub only; None where there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    channel: ClassVar[str]
    alias: ClassVar[str | None] = None

    @property
    @abstractmethod
    def subject(self) -> str:
        """What the event is about. Order is kept among events of one subject."""

    @classmethod
    def legacy(cls, data: Mapping[str, Any], time: str) -> dict[str, Any]:  # noqa: ARG003  # for subclasses
        """The alias's payload, from an envelope's `data` and `time` alone, so that it works for stored events too."""
        return dict(data)


class _SessionCounts(EventData):
    """Counts of one session's bars, in symbols."""

    session: date = Field(description="Session, a date in the market's own calendar.")
    market: str = Field(min_length=1, description="MIC of the market's calendar: XNYS, XTKS, XLON, XETR.")
    expected: NonNegativeInt = Field(description="Tracked symbols that were listed on the session.")
    stored: NonNegativeInt = Field(description="Symbols whose bar is stored.")
    explained: NonNegativeInt = Field(
        description="Symbols without a bar for a final reason (no_trade, halted); no bar is owed for them."
    )
    missing: NonNegativeInt = Field(
        description="All other symbols without a bar: with an open reason (vendor_late, …) or none yet."
    )
    gaps_by_reason: dict[str, PositiveInt] = Field(
        default_factory=dict, description="Symbols without a bar, by reason; final and open ones."
    )
    run_id: RunId = Field(None, description="Dagster run that did the work; null outside of Dagster.")

    @computed_field(  # type: ignore[prop-decorator]  # a limit of mypy, which knows no decorated properties
        description="stored / (expected − explained), 0 to 1; null when no bar is owed."
    )
    @property
    def completeness(self) -> float | None:
        """Share of the owed bars that is stored, 0 to 1; None when none is owed."""
        owed = self.expected - self.explained
        return round(self.stored / owed, 6) if owed else None

    @property
    def subject(self) -> str:
        """Market and session: XNYS/2026-11-20."""
        return f"{self.market}/{self.session}"

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.stored + self.explained + self.missing != self.expected:
            raise ValueError("stored + explained + missing must be expected")
        if sum(self.gaps_by_reason.values()) > self.explained + self.missing:
            raise ValueError("gaps_by_reason must not count more than explained + missing")
        return self


class EodComplete(_SessionCounts):
    """A session's end-of-day work is done: every expected symbol is stored, explained or counted as missing."""

    channel = "tickstock.eod.complete"
    alias = "eod_complete"

    started_at: UtcTime = Field(description="When the session's work began.")
    finished_at: UtcTime = Field(description="When it ended.")

    @computed_field(description="finished_at − started_at, seconds.")  # type: ignore[prop-decorator]  # as above
    @property
    def elapsed_seconds(self) -> float:
        """Seconds between start and end."""
        return (self.finished_at - self.started_at).total_seconds()

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.finished_at < self.started_at:
            raise ValueError("finished_at must not be before started_at")
        return self


EodState = Literal["started", "progress", "incomplete", "failed", "overdue"]
"""Progress of an attempt at a session."""


class EodStatus(_SessionCounts):
    """Progress of a session's end-of-day work, or that it is late. `tickstock.eod.complete` reports its end."""

    channel = "tickstock.eod.status"

    state: EodState = Field(
        description="started; progress; incomplete (an attempt ended, another follows); failed (an attempt broke off); "
        "overdue (the objective was due and is not reached; published once per session)."
    )
    attempt: PositiveInt = Field(description="Which attempt at this session, from 1.")
    message: OneLine = Field(None, description="One line for people.")
    due_at: UtcTime | None = Field(None, description="When the objective was due; null unless overdue.")

    @model_validator(mode="after")
    def _says_when_it_was_due(self) -> Self:
        if (self.due_at is None) == (self.state == "overdue"):
            raise ValueError("due_at must be given when overdue, and null otherwise")
        return self


class JobProgress(EventData):
    """A load has made progress."""

    channel = "tickstock.jobs.progress"
    alias = "job_progress"

    job_id: str = Field(min_length=1, description="The load; the same after a restart.")
    run_id: RunId = Field(None, description="Dagster run that did the work; null outside of Dagster.")
    done: NonNegativeInt = Field(description="Units finished.")
    total: PositiveInt = Field(description="Units in all.")
    unit: JobUnit = Field(description="What is counted: sessions, symbols, or cells (a symbol on a session).")
    symbol: str | None = Field(None, description="Symbol finished last, where one unit is one symbol.")

    @computed_field(description="done / total, 0 to 1.")  # type: ignore[prop-decorator]  # as above
    @property
    def progress(self) -> float:
        """Share of the units that is finished, 0 to 1."""
        return round(self.done / self.total, 6)

    @property
    def subject(self) -> str:
        """The job."""
        return self.job_id

    @classmethod
    def legacy(cls, data: Mapping[str, Any], time: str) -> dict[str, Any]:  # noqa: ARG003
        """`{job_id, symbol, progress}`, progress 0 to 1."""
        return {name: data.get(name) for name in ("job_id", "symbol", "progress")}

    @model_validator(mode="after")
    def _is_within_its_total(self) -> Self:
        if self.done > self.total:
            raise ValueError("done must not be more than total")
        if self.symbol is not None and self.unit != "symbols":
            raise ValueError("symbol must be null unless symbols are counted")
        if self.job_id == self.run_id:
            raise ValueError("job_id must outlive a run, and not be its id")
        return self


class ScheduleAdjusted(EventData):
    """A session differs from the usual: an override came into force or was withdrawn, or the next closes early."""

    channel = "tickstock.schedule.adjusted"
    alias = "schedule_notification"

    market: str = Field(min_length=1, description="MIC of the market's calendar: XNYS, XTKS, XLON, XETR.")
    session: date = Field(description="Session, a date in the market's own calendar.")
    adjustment_type: Literal["early_close", "unexpected_holiday", "added_session", "changed_hours", "withdrawn"] = (
        Field(description="What changed. The planning documents have early_close and unexpected_holiday.")
    )
    details: dict[str, JsonValue] = Field(default_factory=dict, description="Times, reason and source of the change.")

    @property
    def subject(self) -> str:
        """Market and session: XNYS/2026-11-27."""
        return f"{self.market}/{self.session}"

    @classmethod
    def legacy(cls, data: Mapping[str, Any], time: str) -> dict[str, Any]:
        """`{type, adjustment_type, details, timestamp}`; market and session are in `details`."""
        return {
            "type": "schedule_adjustment",
            "adjustment_type": data.get("adjustment_type"),
            "details": {"market": data.get("market"), "session": data.get("session"), **(data.get("details") or {})},
            "timestamp": time,
        }


class ConfigUpdated(EventData):
    """Processing rules changed; they apply from the next unit of work on."""

    channel = "tickstock.config.updated"

    config: Literal["equity_types"] = Field(description="Table of the rules.")
    key: str = Field(min_length=1, description="Row of the table: the code of an equity type.")
    changed: tuple[str, ...] = Field(min_length=1, description="Names of the changed fields.")
    before: dict[str, JsonValue] | None = Field(
        None, description="The changed fields as they were; null for a new row."
    )
    after: dict[str, JsonValue] = Field(description="The changed fields as they are.")
    version: PositiveInt | None = Field(None, description="Version of the row now in force.")
    former_version: PositiveInt | None = Field(None, description="The version before; null for a new row.")
    by: str | None = Field(None, description="Who changed it.")
    reason: OneLine = Field(None, description="Why.")

    @model_validator(mode="after")
    def _holds_the_changed_fields(self) -> Self:
        if set(self.after) != set(self.changed) or (self.before is not None and set(self.before) != set(self.changed)):
            raise ValueError("before and after must hold the changed fields")
        if self.before is not None and any(self.before[name] == self.after[name] for name in self.changed):
            raise ValueError("before and after must differ in every changed field")
        return self

    @property
    def subject(self) -> str:
        """Table and row: equity_types/ETF."""
        return f"{self.config}/{self.key}"
