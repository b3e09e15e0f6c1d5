"""Where a piece of work spends its time: seconds by phase, on a clock that runs even where a test holds time still."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(slots=True)
class PhaseTimer:
    """Adds up seconds by phase, in the order in which the phases began."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """The block's seconds belong to a phase, however it ends."""
        begun = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - begun

    def waiting(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """The items; the seconds until each comes belong to a phase, and what is done with them does not."""
        iterator = iter(items)
        while True:
            with self.phase(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
