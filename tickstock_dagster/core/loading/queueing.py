"""What the processing queue takes: bounds on its open entries, for each type of security and in all.

A queue without a bound hides that no worker drains it. Whoever asks for more than there is room for is refused as a
whole and in words, so that nothing is half in the queue. Pure; putting entries in belongs in `adapters.ledger.queue`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tickstock_dagster.core.errors import TickstockError


@dataclass(frozen=True, slots=True)
class QueueBounds:
    """The most open entries of one type, and of all types together."""

    per_type: int = 20_000
    in_all: int = 50_000


class QueueFullError(TickstockError):
    """The queue has no room for what was asked; nothing was put into it.

    Attributes:
        bound: the one that would be exceeded.
        open: entries that count against it now.
        asked: further ones that were asked for.
    """

    def __init__(self, what: str, asked: int, open_now: int, bound: int) -> None:
        self.bound, self.open, self.asked = bound, open_now, asked
        super().__init__(
            f"the processing queue is full: {asked:,} more entries {what} were asked for, {open_now:,} are open, and "
            f"at most {bound:,} may be; none was put into it"
        )


def refuse_overflow(
    bounds: QueueBounds, open_entries: Mapping[str | None, int], asked: Mapping[str | None, int]
) -> None:
    """Refuse more entries than there is room for.

    Args:
        bounds: the most.
        open_entries: by type; None is the key of entries of no type, which count in all alone.
        asked: entries that are not open yet, by type.

    Raises:
        QueueFullError: names the bound, what is open and what was asked for.
    """
    for code in sorted(code for code, count in asked.items() if code is not None and count):
        if open_entries.get(code, 0) + asked[code] > bounds.per_type:
            raise QueueFullError(f"of type {code}", asked[code], open_entries.get(code, 0), bounds.per_type)
    more, already = sum(asked.values()), sum(open_entries.values())
    if more and already + more > bounds.in_all:
        raise QueueFullError("in all", more, already, bounds.in_all)
