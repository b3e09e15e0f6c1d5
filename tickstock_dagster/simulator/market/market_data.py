"""The protocol of what a simulator serves: securities, their raw daily bars and corporate actions.

Nothing here depends on the clock: what the vendor has published by now is `simulator.market.tape`'s matter.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from tickstock_dagster.simulator.market.securities import DaySeries, DividendEvent, FundFacts, Security, SplitEvent


class MarketData(Protocol):
    """A market, complete from its first day to the one that it was made to reach.

    Lists and details speak of `listed`, bars and corporate actions of `securities`: the same unless the symbols come
    from a file of their own.
    """

    @property
    def securities(self) -> Sequence[Security]:
        """Every security that there ever were bars of."""

    @property
    def listed(self) -> Sequence[Security]:
        """Every security that the ticker list ever had."""

    def listed_holders(self, ticker: str) -> Sequence[Security]:
        """Those of `listed` that had `ticker` at some time (case matters), oldest first."""

    def shares_on(self, listed: Security, day: date) -> int | None:
        """Shares outstanding of one of `listed` on `day`, in shares of that day; None: not told."""

    def funds(self) -> Sequence[tuple[Security, FundFacts]]:
        """Those of `securities` that are ETFs of which a data house tells, with what it tells."""

    def holders(self, ticker: str) -> Sequence[Security]:
        """The securities that printed `ticker` at some time (case matters), oldest first."""

    def series(self, security: Security) -> DaySeries:
        """Its raw daily bars."""

    def splits(self, security: Security) -> Sequence[SplitEvent]:
        """Its splits, oldest first."""

    def dividends(self, security: Security) -> Sequence[DividendEvent]:
        """Its dividends, oldest first."""

    def reach(self, day: date) -> bool:
        """Have bars up to `day`, where the market can. Whether there are more now; those before never change."""

    def warm(self) -> None:
        """Build what the first request would otherwise wait for."""
