"""A symbol master over a market of bars: lists and details come from a file, bars from another market.

Bars and corporate actions are those of the market underneath, under its tickers; a listed ticker that it does not know
has none, and a ticker with bars need not be listed: both happen at the vendor.
"""

from collections.abc import Sequence
from datetime import date

from tickstock_dagster.simulator.market.market_data import MarketData
from tickstock_dagster.simulator.market.securities import DaySeries, DividendEvent, FundFacts, Security, SplitEvent


class SymbolsMarket:
    """`listed` over `bars`.

    Args:
        listed: what lists and details show; spans of one ticker do not overlap.
        bars: the market that everything else comes from.
    """

    def __init__(self, listed: Sequence[Security], bars: MarketData) -> None:
        self.listed = listed
        self.securities = bars.securities
        self._bars = bars
        self._listed_holders: dict[str, list[Security]] = {}
        for security in listed:
            for span in security.spans:
                self._listed_holders.setdefault(span.ticker, []).append(security)
        for holders in self._listed_holders.values():
            holders.sort(key=lambda security: security.spans[0].first)

    def listed_holders(self, ticker: str) -> Sequence[Security]:
        """The symbols of the file with this ticker, oldest first."""
        return self._listed_holders.get(ticker, ())

    def shares_on(self, listed: Security, day: date) -> int | None:
        """The file's count, before the splits that the bars have had since; the bars' own where the file has none."""
        ticker = listed.ticker_on(day)
        twin = next((held for held in self._bars.holders(ticker or "") if held.ticker_on(day) == ticker), None)
        if listed.shares is None:
            return self._bars.shares_on(twin, day) if twin else None
        return listed.shares_on(day, self._bars.splits(twin) if twin else ())

    def funds(self) -> Sequence[tuple[Security, FundFacts]]:
        """The funds of the bars' market."""
        return self._bars.funds()

    def holders(self, ticker: str) -> Sequence[Security]:
        """The securities with bars that printed `ticker`, oldest first."""
        return self._bars.holders(ticker)

    def series(self, security: Security) -> DaySeries:
        """Its bars."""
        return self._bars.series(security)

    def splits(self, security: Security) -> Sequence[SplitEvent]:
        """Its splits."""
        return self._bars.splits(security)

    def dividends(self, security: Security) -> Sequence[DividendEvent]:
        """Its dividends."""
        return self._bars.dividends(security)

    def reach(self, day: date) -> bool:
        """Extend the market of the bars up to `day`. Returns whether it added any."""
        return self._bars.reach(day)

    def warm(self) -> None:
        """Warm the market of bars."""
        self._bars.warm()
