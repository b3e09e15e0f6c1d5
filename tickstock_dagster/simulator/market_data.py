"""The protocol of what a simulator serves: securities, their raw daily bars and corporate actions.

Nothing here depends on the clock: what the vendor has published by now is `tape`'s matter.
"""

from collections.abc import Sequence
from typing import Protocol

from tickstock_dagster.simulator.securities import DaySeries, DividendEvent, Security, SplitEvent


class MarketData(Protocol):
    """A market, complete from its first to its last day."""

    @property
    def securities(self) -> Sequence[Security]:
        """Every security there ever was."""

    def holders(self, ticker: str) -> Sequence[Security]:
        """The securities that printed `ticker` at some time (case matters), oldest first."""

    def series(self, security: Security) -> DaySeries:
        """Its raw daily bars."""

    def splits(self, security: Security) -> Sequence[SplitEvent]:
        """Its splits, oldest first."""

    def dividends(self, security: Security) -> Sequence[DividendEvent]:
        """Its dividends, oldest first."""

    def warm(self) -> None:
        """Build what the first request would otherwise wait for."""
