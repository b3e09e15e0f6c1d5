"""How each type of security is processed: typed, validated rules.

Units are those of the store: US dollars, shares, and a fraction of assets a year. Reading and writing the rules belongs
in `adapters.securities.equity_type_store`, the meaning of type codes in `core.securities.equity_classes`, the names of
the thresholds under `quality` in `core.judging.thresholds`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.printable import is_plain
from tickstock_dagster.core.priority import Priority


class UpdateFrequency(StrEnum):
    """Whether a type is also followed during the session, after the close only, or not at all.

    The end-of-day run loads the first two; no bars of the third are expected.
    """

    REALTIME = "realtime"
    EOD = "eod"
    NONE = "none"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ValidationRules(_Part):
    """Thresholds for the symbols of the type; None means no threshold.

    Attributes:
        aum_minimum: assets under management, US dollars.
        dollar_volume_threshold: US dollars a session, mean over 20 sessions.
        volume_threshold: shares a session, mean over 20 sessions.
        expense_ratio_max: a fraction of assets a year: 0.02 is 2 %.
    """

    aum_minimum: float | None = Field(None, ge=0, strict=True)
    dollar_volume_threshold: float | None = Field(None, ge=0, strict=True)
    volume_threshold: float | None = Field(None, ge=0, strict=True)
    expense_ratio_max: float | None = Field(
        None, gt=0, le=0.2, strict=True, description="a fraction of assets, above 0 and up to 0.2; 2 % is 0.02"
    )


class Enrichment(_Part):
    """Which figures are computed besides the bars."""

    nav_calculation: bool = Field(False, strict=True)
    premium_discount: bool = Field(False, strict=True)
    sector_allocation: bool = Field(False, strict=True)


class ProcessingRules(_Part):
    """Sources of a type's data, thresholds for its symbols, and the figures computed besides the bars."""

    data_sources: tuple[Literal["massive", "fund_provider"], ...] = Field(min_length=1)
    validation_rules: ValidationRules
    enrichment: Enrichment


class RetryConfig(_Part):
    """How often a load asks for an absent bar again on the session's evening, first after 15 minutes.

    Each wait is `backoff_multiplier` times the previous one.
    """

    max_retries: int = Field(ge=0, le=20, strict=True)
    backoff_multiplier: float = Field(ge=1, le=10, strict=True)


class PerformanceTargets(_Part):
    """Milliseconds per symbol, and the share of symbols that succeed, per cent."""

    processing_time_ms: float = Field(gt=0, strict=True)
    success_rate: float = Field(gt=0, le=100, strict=True, description="per cent, above 0 and up to 100")


class EquityType(_Part):
    """The rules of one type; `equity_type` is the vendor's type code.

    A document without a priority has `normal`, priority level 3. `quality` overrides thresholds of the quality rules.
    """

    equity_type: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,49}$", description="a type code such as CS or ETF")
    title: str = Field(min_length=1, max_length=200, description="the type in words, of printable characters")
    update_frequency: UpdateFrequency
    priority: Priority = Priority.NORMAL
    processing_rules: ProcessingRules
    retry_config: RetryConfig
    performance_targets: PerformanceTargets
    quality: dict[str, Annotated[float, Field(strict=True)]] = Field(
        default_factory=dict, description="an object of thresholds of the quality rules, name to number"
    )

    @field_validator("title")
    @classmethod
    def _can_be_shown(cls, title: str) -> str:
        if not title.strip() or not is_plain(title):
            raise ValueError("text of printable characters")
        return title

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read the rules of one type from JSON.

        Raises:
            BadInputError: a field is unknown, absent or out of bounds; the message names it, its value and what is
                accepted.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in (values.get("equity_type", "equity type"), *first["loc"]))
            value = "nothing" if first["type"] == "missing" else first["input"]
            raise BadInputError(field, value, _accepted(first["loc"], first["msg"])) from None

    def to_json(self) -> dict[str, Any]:
        """As stored, without absent thresholds."""
        return self.model_dump(mode="json", exclude_none=True)

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A copy with changed fields: objects are merged, other values replaced; null removes a threshold.

        Raises:
            BadInputError: the result is invalid, or the change is to the type code.
        """
        if changes.get("equity_type", self.equity_type) != self.equity_type:
            raise BadInputError(f"{self.equity_type}.equity_type", changes["equity_type"], "the code cannot change")
        merged = _merged(self.to_json(), changes)
        if isinstance(quality := merged["quality"], Mapping):
            merged["quality"] = {name: value for name, value in quality.items() if value is not None}
        return type(self).from_json(merged)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        before = merged.get(key)
        merged[key] = _merged(before, value) if isinstance(before, Mapping) and isinstance(value, Mapping) else value
    return merged


def _accepted(place: tuple[int | str, ...], message: str) -> str:
    """What a field accepts: its description where it has one, the known names where it is unknown."""
    model: Any = EquityType
    for part in place:
        fields = getattr(model, "model_fields", {})
        if part not in fields:
            return choices(str(part), fields) if fields else message
        if fields[part].description:
            return str(fields[part].description)
        model = fields[part].annotation
    return message
