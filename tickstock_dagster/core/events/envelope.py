"""The notifications: every kind of event, the CloudEvents envelope around its data, and the older aliases.

An event reports a committed change. Storing, sending and reading events belongs in `adapters.events.outbox`,
`adapters.events.stream` and `adapters.events.tail`.

A new kind of event is a subclass of `EventData`, listed in `_MODELS`; `docs/events.md` is generated from the models.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.events.data import (
    ConfigUpdated,
    EodComplete,
    EodState,
    EodStatus,
    EventData,
    JobProgress,
    ScheduleAdjusted,
)
from tickstock_dagster.core.events.equity_data import EquityTypeChanged, EquityTypeRolledBack
from tickstock_dagster.core.events.finding_data import (
    DataStale,
    PriceAnomaly,
    QualitySummary,
    ScoreTrend,
    VolumeDrought,
    VolumeSpike,
)
from tickstock_dagster.core.events.queue_data import DeadLetters, EquityPerformance
from tickstock_dagster.core.events.universe_data import CacheSyncComplete, EtfCorrelationUpdate, UniverseUpdated

__all__ = [
    "EVENTS",
    "SOURCE",
    "CacheSyncComplete",
    "ConfigUpdated",
    "DataStale",
    "DeadLetters",
    "EodComplete",
    "EodState",
    "EodStatus",
    "EquityPerformance",
    "EquityTypeChanged",
    "EquityTypeRolledBack",
    "EtfCorrelationUpdate",
    "Event",
    "EventData",
    "JobProgress",
    "PriceAnomaly",
    "QualitySummary",
    "ScheduleAdjusted",
    "ScoreTrend",
    "UniverseUpdated",
    "VolumeDrought",
    "VolumeSpike",
    "event_model",
    "has_alias",
    "legacy_payload",
]

SOURCE = "/tickstock/dagster"
"""CloudEvents `source` of every event of this factory."""

_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:tickstock:events")
_SEPARATOR = "\x1f"

_MODELS: tuple[type[EventData], ...] = (
    EodComplete,
    EodStatus,
    PriceAnomaly,
    VolumeSpike,
    VolumeDrought,
    DataStale,
    QualitySummary,
    JobProgress,
    ScheduleAdjusted,
    UniverseUpdated,
    CacheSyncComplete,
    EtfCorrelationUpdate,
    ConfigUpdated,
    EquityTypeChanged,
    EquityTypeRolledBack,
    DeadLetters,
    EquityPerformance,
)

EVENTS: dict[str, type[EventData]] = {model.channel: model for model in _MODELS}
"""Every kind of event by its channel."""


def event_model(channel: str) -> type[EventData]:
    """The model of a channel's events.

    Raises:
        BadInputError: there is no such channel; the message names the existing ones.
    """
    if channel not in EVENTS:
        raise BadInputError("channel", channel, choices(channel, EVENTS))
    return EVENTS[channel]


@dataclass(frozen=True, slots=True)
class Event:
    """One event, ready for the outbox. Made by `Event.of`.

    Attributes:
        id: the same for the same change, however often it is published.
        channel: Redis channel and stream.
        subject: what it is about.
        time: when the change happened, UTC.
        data: what happened.
    """

    id: uuid.UUID
    channel: str
    subject: str
    time: datetime
    data: EventData

    @classmethod
    def of(cls, data: EventData, *, time: datetime, dedupe_key: str) -> Self:
        """An event whose id follows from its channel, its subject and `dedupe_key`.

        Args:
            data: what happened.
            time: when it happened, with a time zone.
            dedupe_key: what distinguishes this change from others of the same subject, such as a run, an attempt or a
                count. Publishing a change again under the same key gives the same event.

        Raises:
            BadInputError: `time` has no time zone, or `dedupe_key` is empty.
        """
        if time.tzinfo is None:
            raise BadInputError("time", time, "a time with a time zone")
        if not dedupe_key:
            raise BadInputError("dedupe_key", dedupe_key, "a text that differs between changes of one subject")
        event_id = uuid.uuid5(_IDS, _SEPARATOR.join((data.channel, data.subject, dedupe_key)))
        return cls(event_id, data.channel, data.subject, time.astimezone(UTC), data)

    def envelope(self) -> dict[str, Any]:
        """The event as CloudEvents 1.0, in JSON types."""
        return {
            "specversion": "1.0",
            "id": str(self.id),
            "source": SOURCE,
            "type": self.channel,
            "subject": self.subject,
            "time": self.time.isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": self.data.model_dump(mode="json"),
        }


def has_alias(channel: str) -> bool:
    """Whether the channel's events also go to an alias; False for a kind unknown here."""
    return channel in EVENTS and EVENTS[channel].alias is not None


def legacy_payload(envelope: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The alias channel and its payload as in the planning documents; None for events without an alias.

    Never raises on an envelope that another release wrote: a kind unknown here has no alias.
    """
    model = EVENTS.get(envelope["type"])
    if model is None or model.alias is None:
        return None
    return model.alias, model.legacy(envelope["data"], envelope["time"])
