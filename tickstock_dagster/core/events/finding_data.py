"""What the events about the quality of stored data say: one model per kind of finding, and the summary of a session.

What a finding and its verdicts are is in `core.judging.findings`.
"""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, PositiveInt, model_validator

from tickstock_dagster.core.events.data import EventData, RunId

VerdictName = Literal["explained", "suspicious", "wrong"]
"""A verdict as events spell it."""

_WAS = "The verdict that the finding's last event told; null in its first one."


class _FindingTold(EventData):
    """A finding, or those of a session that is off as a whole: told once, and again when the verdict changes."""

    market: str = Field(min_length=1, description="MIC of the market's calendar: XNYS, XTKS, XLON, XETR.")
    symbol: str = Field(
        min_length=1, description="Ticker as printed on the session; of several findings, of the one furthest off."
    )
    session: date = Field(description="The session that the finding is about.")
    findings: PositiveInt = Field(
        1,
        description="How many findings of the rule, the session and the verdict are told by this event: more than one "
        "where a session is off as a whole. The other fields are those of `symbol`'s.",
    )
    sample: tuple[str, ...] = Field(
        (),
        max_length=10,
        description="Of several findings the symbols that are furthest off, `symbol` first; else empty.",
    )
    rule: str = Field(min_length=1, description="Name of the rule, as `tickstock quality rules` lists it.")
    dataset: str = Field(min_length=1, description="What was judged: ohlcv_daily.")
    verdict: VerdictName = Field(
        description="suspicious: nothing that is known accounts for it. wrong: the row is set aside, its bar is owed. "
        "explained: the row is right; only after another verdict was published."
    )
    was: VerdictName | None = Field(None, description=_WAS)
    severity: Literal["error", "warn"] = Field(description="error holds back what is downstream, warn does not.")
    cause: str = Field(description="What accounts for it, or what it looks like, in words.")
    value: float = Field(description="What was measured, in the rule's unit.")
    threshold: float = Field(description="What the value is compared with.")
    unit: str = Field(description="The rule's unit.")
    evidence: dict[str, JsonValue] = Field(description="The numbers and rows that were looked at.")
    would_change: str = Field(description="What would change the verdict, in words.")
    settled_by: str | None = Field(None, description="The vendor's call that would settle it; null: none would.")
    run_id: RunId = Field(None, description="Dagster run that judged; null outside of Dagster.")

    @property
    def subject(self) -> str:
        """Market and symbol: XNYS/AAPL."""
        return f"{self.market}/{self.symbol}"

    @model_validator(mode="after")
    def _alerts(self) -> Self:
        if self.was is None and self.verdict == "explained":
            raise ValueError("an explained finding must raise no alert")
        if self.was == self.verdict:
            raise ValueError("was must be another verdict")
        if self.sample[:1] != ((self.symbol,) if self.findings > 1 else ()):
            raise ValueError("sample must begin with symbol where there are several findings, and be empty elsewhere")
        return self


class PriceAnomaly(_FindingTold):
    """A price is out of the ordinary, or a row contradicts itself. Told once, and when its verdict changes."""

    channel = "tickstock.quality.price_anomaly"


class VolumeSpike(_FindingTold):
    """A volume is far above the expected one. Told once, and again when its verdict changes."""

    channel = "tickstock.quality.volume_spike"


class VolumeDrought(_FindingTold):
    """A volume is far below the expected one. Told once, and again when its verdict changes."""

    channel = "tickstock.quality.volume_drought"


class DataStale(_FindingTold):
    """A symbol lacks the bars owed for consecutive sessions. Published once per gap, by its first session.

    When a part of the gap is filled and the rest is still longer than one session, the rest is a new gap. That the bars
    have come is not published. Since schema 2 it has the fields of every finding; those of schema 1 stay for one
    release.
    """

    channel = "tickstock.quality.data_stale"

    schema_version: Literal[2] = Field(2, description="2: with the fields of every finding.")
    last_session: date | None = Field(
        None, description="Last session before the gap with a stored bar; null where there is none."
    )
    first_missing: date = Field(description="First session without a bar. Of schema 1: `session` says it.")
    last_missing: date = Field(description="Last session without a bar at the time of the event.")
    missing_sessions: PositiveInt = Field(
        description="Number of consecutive sessions without a bar. Of schema 1: `value` says it."
    )
    reason: str = Field(
        min_length=1,
        description="Why the newest bar is missing: vendor_late, vendor_missing, … Of schema 1: `evidence` says it.",
    )

    @model_validator(mode="after")
    def _lies_after_what_is_stored(self) -> Self:
        if self.last_missing < self.first_missing:
            raise ValueError("last_missing must not be before first_missing")
        if self.last_session is not None and self.last_session >= self.first_missing:
            raise ValueError("last_session must be before first_missing")
        return self


class ScoreTrend(BaseModel):
    """How one score moves."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    score: Literal["price", "volume", "freshness", "overall"] = Field(description="Which score.")
    value: float = Field(ge=0, le=100, description="Mean over all symbols, 0 to 100.")
    mean: float | None = Field(None, description="Mean of the sessions before; null with fewer than 10 of them.")
    average: float | None = Field(None, description="Its moving average (EWMA, weight 0.2); null as above.")
    limit: float | None = Field(None, description="Three standard deviations of the average below the mean.")
    change: float | None = Field(None, description="Value less the mean of the oldest five sessions of the chart.")
    degrades: bool = Field(description="Whether the average is below its limit: the early warning.")


class QualitySummary(EventData):
    """A session's quality at a glance. Published once per session, with its first report."""

    channel = "tickstock.quality.summary"

    market: str = Field(min_length=1, description="MIC of the market's calendar: XNYS, XTKS, XLON, XETR.")
    session: date = Field(description="Session, a date in the market's own calendar.")
    symbols: PositiveInt = Field(description="Tracked symbols that were reported on.")
    scores: tuple[ScoreTrend, ...] = Field(min_length=4, max_length=4, description="Each score with its trend.")
    sessions: NonNegativeInt = Field(le=20, description="Sessions before that the trends look at.")
    explained: NonNegativeInt = Field(description="Findings of the session that are explained.")
    suspicious: NonNegativeInt = Field(description="Findings that are suspicious.")
    wrong: NonNegativeInt = Field(description="Findings that are wrong: their rows are set aside.")
    missing: NonNegativeInt = Field(description="Symbols whose bar of the session is owed.")
    worst: tuple[str, ...] = Field(max_length=10, description="Symbols with the lowest overall scores below 100.")
    degrades: tuple[str, ...] = Field(description="What degrades, a line each; empty: nothing does.")
    actions: tuple[str, ...] = Field(description="What to do, a line each, the most urgent first; empty: nothing.")
    run_id: RunId = Field(None, description="Dagster run that reported; null outside of Dagster.")

    @property
    def subject(self) -> str:
        """Market and session: XNYS/2026-11-20."""
        return f"{self.market}/{self.session}"
