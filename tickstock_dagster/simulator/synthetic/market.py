"""The synthetic market as `MarketData`: each member's series is drawn at its first use."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from threading import RLock

import numpy as np

from tickstock_dagster.simulator.market.securities import (
    DaySeries,
    DividendEvent,
    FundFacts,
    Security,
    SplitEvent,
    stable_hash,
)
from tickstock_dagster.simulator.market.sessions import sessions
from tickstock_dagster.simulator.synthetic.funds import fund_facts
from tickstock_dagster.simulator.synthetic.members import members_of
from tickstock_dagster.simulator.synthetic.prices import (
    ERA_ENDS,
    common_factors,
    dividends_of,
    draw_series,
    eras_of,
)

_PAYMENTS_A_YEAR = 4


class SyntheticMarket:
    """`symbols` securities and the shipped ETFs, the same for the same `seed`; always with the named and odd ones."""

    def __init__(self, seed: int, symbols: int) -> None:
        self._seed = seed
        self._calendar = sessions()
        members = members_of(seed, symbols, self._calendar)
        self._traits = {security.key: traits for security, traits, _ in members}
        self._splits = {security.key: splits for security, _, splits in members}
        self.securities: Sequence[Security] = [security for security, _, _ in members]
        self._holders: dict[str, list[Security]] = {}
        for security in self.securities:
            for span in security.spans:
                self._holders.setdefault(span.ticker, []).append(security)
        for holders in self._holders.values():
            holders.sort(key=lambda security: security.spans[0].first)
        self._eras = eras_of(self._calendar)
        self._factors = common_factors(seed, self._calendar, self._eras[:1])
        self._series: dict[str, DaySeries] = {}
        self._dividends: dict[str, tuple[DividendEvent, ...]] = {}
        self._lock = RLock()

    def holders(self, ticker: str) -> Sequence[Security]:
        """The securities that printed `ticker` at some time, oldest first."""
        return self._holders.get(ticker, ())

    @property
    def listed(self) -> Sequence[Security]:
        """Every security."""
        return self.securities

    def listed_holders(self, ticker: str) -> Sequence[Security]:
        """The securities that had `ticker` at some time, oldest first."""
        return self.holders(ticker)

    def shares_on(self, listed: Security, day: date) -> int | None:
        """Shares outstanding, such that the raw close times them does not jump at a split."""
        return listed.shares_on(day, self._splits[listed.key])

    def funds(self) -> Sequence[tuple[Security, FundFacts]]:
        """Every ETF: the shipped facts, and invented facts for invented funds."""
        return [(security, fund_facts(security)) for security in self.securities if security.equity_type == "ETF"]

    def series(self, security: Security) -> DaySeries:
        """Its raw bars between its first and its last listed day."""
        with self._lock:
            if security.key not in self._series:
                self._draw(security)
            return self._series[security.key]

    def splits(self, security: Security) -> Sequence[SplitEvent]:
        """Its splits, oldest first."""
        return self._splits[security.key]

    def dividends(self, security: Security) -> Sequence[DividendEvent]:
        """Its dividends, oldest first."""
        if not self._traits[security.key].dividend_yield:
            return ()
        with self._lock:
            self.series(security)
            return self._dividends[security.key]

    @property
    def last_day(self) -> date:
        """The last session with bars."""
        return self._calendar.days[sum(self._factors.eras) - 1]

    def reach(self, day: date) -> bool:
        """Draw as many more eras as `day` needs. Existing bars and dividends stay as they are."""
        with self._lock:
            drawn = len(self._factors.eras)
            while drawn < len(self._eras) and ERA_ENDS[drawn - 1] < day:
                drawn += 1
            if drawn == len(self._factors.eras):
                return False
            self._factors = common_factors(self._seed, self._calendar, self._eras[:drawn])
            self._series.clear()
            self._dividends.clear()
            return True

    def warm(self) -> None:
        """Draw every series."""
        for security in self.securities:
            self.series(security)

    def _payouts(self, security: Security) -> tuple[tuple[date, float], ...]:
        """Quarterly (ex-date, fraction of the price); the month and day are the security's own."""
        traits = self._traits[security.key]
        if not traits.dividend_yield:
            return ()
        offset = stable_hash(f"dividends:{security.key}") % 60
        days = self._calendar.days[offset : sum(self._factors.eras) : 252 // _PAYMENTS_A_YEAR]
        return tuple((day, traits.dividend_yield / _PAYMENTS_A_YEAR) for day in days)

    def _draw(self, security: Security) -> None:
        payouts = self._payouts(security)
        whole = draw_series(
            self._seed,
            security.key,
            self._traits[security.key],
            self._calendar,
            self._factors,
            self._splits[security.key],
            payouts,
        )
        listed = np.zeros(len(whole.ordinals), dtype=bool)
        for span in security.spans:
            last = span.last or date.max
            listed |= (whole.ordinals >= span.first.toordinal()) & (whole.ordinals <= last.toordinal())
        series = DaySeries(
            whole.ordinals[listed],
            whole.open[listed],
            whole.high[listed],
            whole.low[listed],
            whole.close[listed],
            whole.volume[listed],
            with_trades=True,
        )
        self._series[security.key] = series
        self._dividends[security.key] = dividends_of(payouts, series, self._calendar, _PAYMENTS_A_YEAR)


@lru_cache(maxsize=4)
def synthetic_market(seed: int, symbols: int) -> SyntheticMarket:
    """The market of `seed`; several simulators of one process share it, since its bars never change."""
    return SyntheticMarket(seed, symbols)
