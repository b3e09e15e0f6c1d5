"""What the events about universes say: members that came and went, a synchronisation's end, a moved correlation."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, model_validator

from tickstock_dagster.core.events.data import EventData, UtcTime

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
    """A universe has other members from a session on. Sent once per universe and change, never without one."""

    channel = "tickstock.universe.updated"

    universe: str = Field(min_length=1, description="Canonical name, the key in cache_entries.")
    session: date = Field(description="Session from which on the members hold.")
    added: tuple[MemberChange, ...] = Field((), description="Symbols that joined.")
    removed: tuple[MemberChange, ...] = Field((), description="Symbols that left.")
    members: NonNegativeInt = Field(description="Members after the change.")
    task: str = Field(min_length=1, description="What changed it: a synchronisation task, seed, import or set.")
    rule_version: int | None = Field(None, description="Version of the rule that decided; null where none did.")
    run_id: str | None = Field(None, description="Dagster run that did the work; null outside of Dagster.")

    @property
    def subject(self) -> str:
        """The universe."""
        return self.universe

    @model_validator(mode="after")
    def _tells_of_a_change(self) -> Self:
        if not self.added and not self.removed:
            raise ValueError("added and removed must not both be empty")
        return self


class SyncTask(BaseModel):
    """How one task of a synchronisation went."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: TaskName = Field(description="The task.")
    seconds: NonNegativeFloat = Field(description="Time taken.")
    examined: NonNegativeInt = Field(description="Securities looked at.")
    changes: NonNegativeInt = Field(description="Changes that it proposed.")
    skipped: str | None = Field(None, description="Why it had nothing to do; null where it worked.")


class CacheSyncComplete(EventData):
    """The universes of a session are synchronised: all proposals were applied in the transaction of this event."""

    channel = "tickstock.cache.sync_complete"

    session: date = Field(description="Session from which on the members hold.")
    universes: NonNegativeInt = Field(description="Universes determined.")
    changed: tuple[str, ...] = Field((), description="Universes with other members than before.")
    added: NonNegativeInt = Field(description="Memberships begun.")
    removed: NonNegativeInt = Field(description="Memberships ended.")
    tasks: tuple[SyncTask, ...] = Field((), description="The tasks, each with its time.")
    started_at: UtcTime = Field(description="When the synchronisation began.")
    finished_at: UtcTime = Field(description="When it was applied.")
    run_id: str | None = Field(None, description="Dagster run that did the work; null outside of Dagster.")

    @property
    def subject(self) -> str:
        """The session."""
        return str(self.session)


class EtfCorrelationUpdate(EventData):
    """An ETF's rolling correlation with a reference has moved by more than the stated step since it was last told."""

    channel = "tickstock.etf.correlation_update"

    symbol: str = Field(min_length=1, description="The ETF's ticker on the session.")
    reference: str = Field(min_length=1, description="Ticker of the reference: SPY, IWM, …")
    session: date = Field(description="Last session of the window.")
    sessions: int = Field(description="Length of the window, in sessions: 60 or 252.")
    correlation: float = Field(ge=-1, le=1, description="Pearson's correlation of daily returns on adjusted prices.")
    previous: float | None = Field(
        None, ge=-1, le=1, description="The value told of last; null where this is the first."
    )
    step: float = Field(gt=0, description="How far it must move to be told of again.")

    @property
    def subject(self) -> str:
        """ETF, reference and window: XLK/SPY/60."""
        return f"{self.symbol}/{self.reference}/{self.sessions}"
