"""The data of events about universes: changed members, the end of a synchronisation, a moved correlation."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, model_validator

from tickstock_dagster.core.events.data import EventData, RunId, UtcTime

TaskName = Literal[
    "market_cap_recalculation",
    "ipo_universe_assignment",
    "delisted_cleanup",
    "theme_rebalancing",
    "etf_universe_maintenance",
]
"""The tasks of the daily synchronisation."""


class MemberChange(BaseModel):
    """One symbol that joined or left, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str = Field(min_length=1, description="Ticker as printed on the session.")
    reason: str = Field(min_length=1, description="Why, in words.")


class UniverseUpdated(EventData):
    """The members of a universe changed. Published once per universe and change, never without one."""

    channel = "tickstock.universe.updated"

    universe: str = Field(min_length=1, description="Canonical name, the key in cache_entries.")
    session: date = Field(description="First session with these members.")
    added: tuple[MemberChange, ...] = Field((), description="Symbols that joined.")
    removed: tuple[MemberChange, ...] = Field((), description="Symbols that left.")
    members: NonNegativeInt = Field(description="Members after the change.")
    task: str = Field(min_length=1, description="What made the change: a synchronisation task, seed, import or set.")
    rule_version: int | None = Field(None, description="Version of the rule that decided; null without a rule.")
    run_id: RunId = Field(None, description="Dagster run that did the work; null outside of Dagster.")

    @property
    def subject(self) -> str:
        """The universe."""
        return self.universe

    @model_validator(mode="after")
    def _has_a_change(self) -> Self:
        if not self.added and not self.removed:
            raise ValueError("added and removed must not both be empty")
        if len(self.added) > self.members:
            raise ValueError("members must count those that were added")
        return self


class SyncTask(BaseModel):
    """How one task of a synchronisation went."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: TaskName = Field(description="The task.")
    seconds: NonNegativeFloat = Field(description="Time taken.")
    examined: NonNegativeInt = Field(description="Securities examined.")
    changes: NonNegativeInt = Field(description="Changes that the task proposed.")
    skipped: str | None = Field(None, description="Why the task had nothing to do; null where it did.")


class CacheSyncComplete(EventData):
    """A session's synchronisation of universes is done. The transaction of this event applied all proposals."""

    channel = "tickstock.cache.sync_complete"

    session: date = Field(description="First session with these members.")
    universes: NonNegativeInt = Field(description="Universes determined.")
    changed: tuple[str, ...] = Field((), description="Universes whose members changed.")
    added: NonNegativeInt = Field(description="Memberships begun.")
    removed: NonNegativeInt = Field(description="Memberships ended.")
    tasks: tuple[SyncTask, ...] = Field((), description="How each task went.")
    started_at: UtcTime = Field(description="When the synchronisation began.")
    finished_at: UtcTime = Field(description="When the changes were applied.")
    run_id: RunId = Field(None, description="Dagster run that did the work; null outside of Dagster.")

    @property
    def subject(self) -> str:
        """The session."""
        return str(self.session)

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.finished_at < self.started_at:
            raise ValueError("finished_at must not be before started_at")
        return self


class EtfCorrelationUpdate(EventData):
    """An ETF's rolling correlation with a reference has moved by more than `step` since it was last published."""

    channel = "tickstock.etf.correlation_update"

    symbol: str = Field(min_length=1, description="The ETF's ticker on the session.")
    reference: str = Field(min_length=1, description="Ticker of the reference: SPY, IWM, …")
    session: date = Field(description="Last session of the window.")
    sessions: Literal[60, 252] = Field(description="Length of the window, in sessions: 60 or 252.")
    correlation: float = Field(ge=-1, le=1, description="Pearson's correlation of daily returns on adjusted prices.")
    previous: float | None = Field(
        None, ge=-1, le=1, description="The value published last; null where this is the first."
    )
    step: float = Field(gt=0, description="How far the correlation must move to be published again.")

    @property
    def subject(self) -> str:
        """ETF, reference and window: XLK/SPY/60."""
        return f"{self.symbol}/{self.reference}/{self.sessions}"

    @model_validator(mode="after")
    def _has_moved(self) -> Self:
        if self.previous is not None and abs(self.correlation - self.previous) <= self.step:
            raise ValueError("correlation must differ from previous by more than step")
        return self
