"""What a command cost: vendor calls and time. Not a command. The cost of a run alone is in its metadata."""

import time

from tickstock_dagster.adapters.ledger.context import calls_of_process


class CommandCost:
    """What a command has cost since it began: vendor calls, those outside of its runs included, and seconds."""

    def __init__(self) -> None:
        self._began, self._calls = time.monotonic(), calls_of_process()

    @property
    def calls(self) -> int:
        """Vendor calls so far."""
        return calls_of_process() - self._calls

    @property
    def seconds(self) -> float:
        """Seconds so far, to the millisecond."""
        return round(time.monotonic() - self._began, 3)
