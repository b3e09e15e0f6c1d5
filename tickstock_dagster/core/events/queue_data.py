"""The data of events about processing: entries of the queue that failed for good, and targets that a type misses."""

from datetime import date
from typing import Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from tickstock_dagster.core.events.data import EventData, RunId

MOST_NAMED = 50
"""So many dead letters are named in one event; all are counted."""


class DeadLetter(BaseModel):
    """One entry that failed for good, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, description="The entry in processing_queue.")
    symbol: str = Field(min_length=1, description="A ticker, or * for all of them.")
    equity_type: str | None = Field(None, description="Its type; null where it has none.")
    attempts: PositiveInt = Field(description="How often it was asked for.")
    error_class: Literal["transient", "permanent", "refused"] = Field(description="What kind of error ended it.")
    error: str = Field(min_length=1, description="Why it failed.")


class DeadLetters(EventData):
    """Entries of the processing queue have failed for good: they are not tried again until a person says so.

    Published once for the entries that died together, with the transaction in which they did.
    """

    channel = "tickstock.jobs.dead_letters"

    dataset: str = Field(min_length=1, description="What the entries are about: symbol_details, ….")
    count: PositiveInt = Field(description="How many died together.")
    entries: tuple[DeadLetter, ...] = Field(
        min_length=1, max_length=MOST_NAMED, description=f"The first of them by their ids, {MOST_NAMED} at most."
    )
    run_id: RunId = Field(None, description="Dagster run that did the work; null outside of Dagster.")

    @property
    def subject(self) -> str:
        """The dataset."""
        return self.dataset

    @model_validator(mode="after")
    def _counts_what_it_names(self) -> Self:
        if len(self.entries) != min(self.count, MOST_NAMED):
            raise ValueError(f"entries must name all that count counts, up to {MOST_NAMED}")
        return self


class EquityPerformance(EventData):
    """A type of security has begun to miss its targets, or keeps them again. Published once for each of the two."""

    channel = "tickstock.equity.performance"

    equity_type: str = Field(min_length=1, description="The type, as in equity_types.")
    state: Literal["breached", "kept"] = Field(description="breached: a target is missed; kept: none is any more.")
    day: date = Field(description="Day that was measured, in New York.")
    symbols: NonNegativeInt = Field(description="Symbols of the type in the day's units so far.")
    measured_ms: NonNegativeFloat | None = Field(
        None,
        description="Milliseconds per symbol: the 95th percentile, of fewer than 20 symbols the median; null where "
        "none was measured.",
    )
    target_ms: PositiveFloat = Field(description="Target of measured_ms.")
    success_rate: float | None = Field(None, ge=0, le=100, description="Per cent; null where nothing has ended.")
    target_success_rate: float = Field(gt=0, le=100, description="Target of success_rate, per cent.")

    @property
    def subject(self) -> str:
        """The type."""
        return self.equity_type

    @model_validator(mode="after")
    def _is_as_its_figures_say(self) -> Self:
        slow = self.measured_ms is not None and self.measured_ms > self.target_ms
        failing = self.success_rate is not None and self.success_rate < self.target_success_rate
        if (slow or failing) != (self.state == "breached"):
            raise ValueError("state must be breached where a target is missed, and kept where none is")
        return self
