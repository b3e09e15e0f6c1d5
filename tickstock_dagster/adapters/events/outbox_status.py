"""The state of the outbox and its streams, as commands show it. Reading it belongs in `adapters.events.outbox`."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class StreamAlert:
    """A consumer group that lost entries: a full stream dropped them before the group had finished them.

    Attributes:
        stream: the stream.
        group: the consumer group.
        entries: lost entries, at least.
        first_at: when the dispatcher first saw the loss, UTC.
        last_at: when it last saw it, UTC.
        from_position: outbox position from which a replay restores everything; None if it is no longer there.
    """

    stream: str
    group: str
    entries: int
    first_at: datetime
    last_at: datetime
    from_position: int | None


@dataclass(frozen=True, slots=True)
class OutboxStatus:
    """The outbox as it is now.

    Attributes:
        unsent: events that wait.
        oldest_unsent: when the change of the first of them happened, UTC.
        sent_last_day: events sent in the last 24 hours.
        last_error: why the first that failed could not be sent.
        dead: dead letters: events given up until somebody releases or drops them.
        held: those among `unsent` that wait behind an event of their subject which Redis refuses.
        alerts: consumer groups that lost entries, seen in the last 7 days.
    """

    unsent: int
    oldest_unsent: datetime | None
    sent_last_day: int
    last_error: str | None
    dead: int = 0
    held: int = 0
    alerts: tuple[StreamAlert, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON object; times in ISO 8601."""
        found = asdict(self) | {"oldest_unsent": self.oldest_unsent and self.oldest_unsent.isoformat()}
        for alert in found["alerts"]:
            alert |= {name: alert[name].isoformat() for name in ("first_at", "last_at")}
        return found
