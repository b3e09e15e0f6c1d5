"""What the events about the rules of equity types say. `tickstock.config.updated` says which fields changed."""

from typing import Self

from pydantic import Field, JsonValue, PositiveInt, model_validator

from tickstock_dagster.core.events.data import EventData, RunId


class _EquityTypeVersion(EventData):
    """A version of an equity type's document that came into force."""

    equity_type: str = Field(min_length=1, description="The vendor's type code: CS, ETF, ….")
    version: PositiveInt = Field(description="The version now in force; from 1, without holes.")
    former_version: PositiveInt | None = Field(None, description="The version in force before; null for a new type.")
    by: str = Field(min_length=1, description="Who changed it.")
    reason: str = Field(min_length=1, description="Why.")
    document: dict[str, JsonValue] = Field(description="The whole document that is in force now.")
    run_id: RunId = Field(None, description="Dagster run that changed it; null outside of Dagster.")

    @property
    def subject(self) -> str:
        """The type: ETF."""
        return self.equity_type

    @model_validator(mode="after")
    def _follows_the_former(self) -> Self:
        if self.version != (self.former_version or 0) + 1:
            raise ValueError("version must follow former_version")
        if self.document.get("equity_type") != self.equity_type:
            raise ValueError("document must be of equity_type")
        return self


class EquityTypeChanged(_EquityTypeVersion):
    """The rules of an equity type changed, or there is a new type; in force from the next unit of work on."""

    channel = "tickstock.equity.type_changed"


class EquityTypeRolledBack(_EquityTypeVersion):
    """The rules of an equity type are again those of an earlier version; in force from the next unit of work on."""

    channel = "tickstock.equity.type_rolled_back"

    restored_version: PositiveInt = Field(description="The earlier version whose document is in force again.")

    @model_validator(mode="after")
    def _restores_an_earlier_one(self) -> Self:
        if self.restored_version >= self.version:
            raise ValueError("restored_version must be before version")
        return self
