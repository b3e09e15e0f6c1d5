"""What the simulated vendor knows about a security: identity, tickers over time, splits, dividends. Values only."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ordinals = npt.NDArray[np.int32]

_FIGI_ALPHABET = "BCDFGHJKLMNPQRSTVWXYZ0123456789"


def stable_hash(text: str) -> int:
    """A 64-bit hash of `text` that is the same in every process and on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@lru_cache(maxsize=65_536)
def figi_of(identity: str, kind: str = "BBG00") -> str:
    """An invented FIGI (12 characters), always the same for `identity`."""
    value, digits = stable_hash(f"figi:{kind}:{identity}"), []
    for _ in range(12 - len(kind)):
        value, digit = divmod(value, len(_FIGI_ALPHABET))
        digits.append(_FIGI_ALPHABET[digit])
    return kind + "".join(digits)


@dataclass(frozen=True, slots=True)
class TickerSpan:
    """`ticker` is printed for a security from `first` to `last`, both inclusive; `last` None: still."""

    ticker: str
    first: date
    last: date | None = None

    def covers(self, day: date) -> bool:
        """Whether the ticker is the printed one on `day`."""
        return self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class SplitEvent:
    """`split_to` new shares for `split_from` old ones, first traded so on `ex_date`."""

    ex_date: date
    split_from: float
    split_to: float

    @property
    def price_factor(self) -> float:
        """The factor that adjusts a raw price from before the split."""
        return self.split_from / self.split_to

    @property
    def kind(self) -> str:
        """The vendor's adjustment type."""
        return "forward_split" if self.split_to > self.split_from else "reverse_split"


@dataclass(frozen=True, slots=True)
class DividendEvent:
    """One cash dividend.

    Attributes:
        cash_amount: US dollars per share as declared, in shares of `ex_date`.
        fraction: of the price before the ex-date.
        frequency: payments a year.
    """

    ex_date: date
    declared_on: date
    record_date: date
    pay_date: date
    cash_amount: float
    fraction: float
    frequency: int
    kind: str = "recurring"


@dataclass(frozen=True, slots=True)
class Security:
    """One security through all its tickers.

    Attributes:
        key: permanent identity of the security; seeds its series.
        equity_type: the vendor's type code (CS, ETF, …); None where the vendor has none, as with `exchange` (MIC)
            and `cik`.
        spans: printed tickers, oldest first.
        list_date: first trading day according to the vendor; None: the vendor has none.
        delisted_on: first date on which it no longer trades.
        shares: outstanding, in shares of `shares_as_of`.
        market_cap: US dollars, where it is given rather than computed.
    """

    key: str
    name: str
    equity_type: str | None
    exchange: str | None
    cik: str | None
    spans: tuple[TickerSpan, ...]
    list_date: date | None = None
    delisted_on: date | None = None
    shares: int | None = None
    sic: tuple[str, str] | None = None
    shares_as_of: date = date.max
    market_cap: float | None = None

    @property
    def composite_figi(self) -> str:
        """The same through all renames."""
        return figi_of(self.key)

    @property
    def share_class_figi(self) -> str:
        """The same through all renames."""
        return figi_of(self.key, "BBG001")

    @property
    def last_ticker(self) -> str:
        """The ticker printed now, or the last one of a delisted security."""
        return self.spans[-1].ticker

    def ticker_on(self, day: date) -> str | None:
        """The ticker printed on `day`; None when the security is not listed then."""
        return next((span.ticker for span in self.spans if span.covers(day)), None)

    def shares_on(self, day: date, splits: Sequence[SplitEvent]) -> int | None:
        """Shares outstanding on `day` in shares of that day: they change at splits alone, opposite to the raw price."""
        if self.shares is None:
            return None
        count = float(self.shares)
        for split in splits:
            if day < split.ex_date <= self.shares_as_of:
                count *= split.price_factor
            elif self.shares_as_of < split.ex_date <= day:
                count /= split.price_factor
        return max(round(count), 1)


@dataclass(frozen=True, slots=True)
class FundFacts:
    """The facts that an ETF data provider has about a fund; None where it has none.

    Attributes:
        expense_ratio: a fraction of assets a year.
        inception_date: first day of the fund.
    """

    issuer: str
    category: str
    asset_class: str
    benchmark: str | None
    expense_ratio: float | None
    inception_date: date | None
    lags: bool = False
    """Whether its facts are some days old when they are published."""


@dataclass(frozen=True, slots=True)
class DaySeries:
    """Raw daily bars of one security, by day; NaN where the source has null.

    Attributes:
        ordinals: proleptic ordinals of the days (`date.toordinal`), ascending, possibly with repeats.
        open, high, low, close: US dollars per share.
        volume: shares.
        vwap, transactions: None where the source has none.
        with_trades: whether the vendor has both all the same, derived from the rest of the bar.
    """

    ordinals: Ordinals
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    vwap: Floats | None = None
    transactions: Floats | None = None
    with_trades: bool = False


def generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of `name`, the same in every process."""
    return np.random.Generator(np.random.PCG64([seed, stable_hash(name)]))
