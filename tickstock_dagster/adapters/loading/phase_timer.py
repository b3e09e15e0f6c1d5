"""How a piece of work spends its time: seconds by phase, on a clock that runs even where a test stops time."""

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
        """Count the block's seconds for a phase, however the block ends."""
        begun = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - begun

    def waiting(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items; count the seconds of waiting for each for a phase, but not those of using it."""
        iterator = iter(items)
        while True:
            with self.phase(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
