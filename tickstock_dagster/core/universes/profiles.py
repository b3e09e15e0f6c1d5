"""Development profiles: named, bounded subsets of the market for a laptop, a detector or a dashboard.

A profile is a list of tickers, a span, and whether it needs minute bars. Each is also a tracked universe of its own
(`profile_<name>` in `cache_entries`). Sizes follow the product's profile table; `*_lite` profiles are small.
"""

from dataclasses import dataclass

from tickstock_dagster.core.errors import BadInputError, choices

STOCKS: tuple[str, ...] = (
    "AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "META", "BRK.B", "JPM", "XOM", "UNH",
    "TSLA", "AVGO", "LLY", "V", "MA", "HD", "PG", "COST", "JNJ", "WMT",
    "ABBV", "BAC", "MRK", "CVX", "KO", "PEP", "ADBE", "CRM", "NFLX", "AMD",
    "TMO", "CSCO", "ACN", "MCD", "ABT", "LIN", "ORCL", "INTC", "CMCSA", "QCOM",
    "DIS", "WFC", "DHR", "VZ", "TXN", "INTU", "CAT", "AMGN", "IBM", "PFE",
    "NOW", "UNP", "GE", "SPGI", "LOW", "HON", "GS", "RTX", "ISRG", "NEE",
    "BKNG", "AMAT", "T", "ELV", "PLD", "MS", "BLK", "SYK", "VRTX", "TJX",
    "LMT", "SCHW", "MDT", "C", "DE", "ADP", "GILD", "BMY", "LRCX", "REGN",
    "ADI", "MMC", "CB", "ETN", "CI", "BX", "SO", "ZTS", "MU", "UPS",
    "MO", "DUK", "SLB", "CL", "EOG", "TGT", "BDX", "CME", "ITW", "NOC",
)  # fmt: skip

ETFS: tuple[str, ...] = (
    "SPY", "QQQ", "IWM", "DIA", "VTI", "XLK", "XLF", "XLE", "XLV", "XLI",
    "XLY", "XLP", "XLU", "XLB", "XLRE", "XLC", "VUG", "VTV", "IVW", "IVE",
    "SCHG", "SCHV", "VYM", "VEA", "VWO", "IEFA", "EEM", "EFA", "GLD", "SLV",
    "DBA", "USO", "VGT", "FTEC", "SMH", "BND", "AGG", "LQD", "TLT", "VTEB",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """One named subset.

    Attributes:
        tickers: as printed today, in load order.
        months: calendar months of daily history, ending with the latest closed session; or
        days: calendar days, where the profile is defined in days (exactly one of the two is set).
        minute_bars: whether the profile also needs one-minute bars.
    """

    name: str
    description: str
    tickers: tuple[str, ...]
    months: int | None = None
    days: int | None = None
    minute_bars: bool = False

    @property
    def universe(self) -> str:
        """Name of the profile's universe in `cache_entries`."""
        return f"profile_{self.name}"


def _mixed(stocks: int, etfs: int) -> tuple[str, ...]:
    return STOCKS[:stocks] + ETFS[:etfs]


DEFAULT_PROFILE = "dev"

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("dev", "10 stocks and 5 ETFs, half a year: the default", _mixed(10, 5), months=6),
        Profile("patterns", "pattern detection", _mixed(40, 10), months=6, minute_bars=True),
        Profile("backtesting", "a year of broad history", _mixed(80, 20), months=12),
        Profile("ui_testing", "dashboards and websockets", _mixed(15, 5), months=3, minute_bars=True),
        Profile("etf_analysis", "ETF metadata and correlations", ETFS, months=12),
        Profile("patterns_lite", "small `patterns`", _mixed(15, 5), days=90, minute_bars=True),
        Profile("backtesting_lite", "small `backtesting`", _mixed(40, 10), days=365),
        Profile("ui_testing_lite", "small `ui_testing`", _mixed(7, 3), days=30, minute_bars=True),
    )
}


def profile_named(name: str) -> Profile:
    """The profile called `name`.

    Raises:
        BadInputError: no profile has that name.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise BadInputError("profile", name, choices(name, PROFILES)) from None
