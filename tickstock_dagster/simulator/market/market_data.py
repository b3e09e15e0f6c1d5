"""The protocol of a market to serve: securities, their raw daily bars and corporate actions.

Nothing here depends on the clock: what the vendor has published by now belongs in `simulator.market.tape`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from tickstock_dagster.simulator.market.securities import DaySeries, DividendEvent, FundFacts, Security, SplitEvent


class MarketData(Protocol):
    """A market, complete from its first day to the last one that `reach` asked for.

    Lists and details show `listed`, bars and corporate actions belong to `securities`: the same unless the symbols come
    from a file of their own.
    """

    @property
    def securities(self) -> Sequence[Security]:
        """Every security that ever had bars."""

    @property
    def listed(self) -> Sequence[Security]:
        """Every security that was ever in the ticker list."""

    def listed_holders(self, ticker: str) -> Sequence[Security]:
        """Those of `listed` that had `ticker` at some time (case matters), oldest first."""

    def shares_on(self, listed: Security, day: date) -> int | None:
        """Shares outstanding of one of `listed` on `day`, in shares of that day; None: unknown."""

    def funds(self) -> Sequence[tuple[Security, FundFacts]]:
        """The ETFs among `securities` that a data provider covers, with its facts."""

    def holders(self, ticker: str) -> Sequence[Security]:
        """The securities that printed `ticker` at some time (case matters), oldest first."""

    def series(self, security: Security) -> DaySeries:
        """Its raw daily bars."""

    def splits(self, security: Security) -> Sequence[SplitEvent]:
        """Its splits, oldest first."""

    def dividends(self, security: Security) -> Sequence[DividendEvent]:
        """Its dividends, oldest first."""

    def reach(self, day: date) -> bool:
        """Have bars up to `day`, where the market can. Returns whether it added any; earlier bars never change."""

    def warm(self) -> None:
        """Build what the first request would otherwise wait for."""
