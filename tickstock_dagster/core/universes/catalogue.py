"""The universes of a release: themes, sizes, recent listings and lists for development.

These are the shipped rules; the rules in force are in the store, where a rule gets new versions. The seed members of
the themes come from the shipped file of ETFs, which the adapters read.
"""

from dataclasses import dataclass
from typing import Literal

from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.universes.correlations import REFERENCES
from tickstock_dagster.core.universes.profiles import ETFS, STOCKS
from tickstock_dagster.core.universes.rules import Condition, Rule, Top

THEMES: dict[str, str] = {
    "sectors": "US sectors",
    "growth": "US growth",
    "value": "US value",
    "international": "International equity",
    "commodities": "Commodities",
    "technology": "Technology",
    "bonds": "Bonds",
}
"""The seven themes, and their titles. `etf_<theme>` is the universe, the bare name its alias."""

OWN_REFERENCES: dict[str, tuple[str, ...]] = {
    "sectors": ("QQQ",),
    "international": ("EFA", "EEM"),
    "commodities": ("DBC", "GLD"),
    "technology": ("QQQ",),
    "bonds": ("AGG",),
}
"""What the funds of a theme are compared with besides `REFERENCES`: the funds' own references, before any is known."""

LEAST_AUM = {"international": 5e8, "commodities": 2e8}
"""Least assets in USD; every other theme requires `USUAL_LEAST_AUM`."""

USUAL_LEAST_AUM = 1e9
LEAST_ADV = 5e6
GREATEST_EXPENSE_RATIO = 0.0075

SIZES = (10, 100, 500, 1000)
RECENT_DAYS = 90

SECTOR_FUNDS = ("XLK", "XLF", "XLE", "XLV", "XLI", "XLY", "XLP", "XLU", "XLB", "XLRE", "XLC")
"""Sector funds for development: one per GICS sector."""


@dataclass(frozen=True, slots=True)
class ShippedUniverse:
    """One universe of the catalogue.

    Attributes:
        key: canonical name, the key in `cache_entries`.
        type: theme, size, ipo or development.
        title: for people.
        membership: `dated` (by a rule) or `static` (a list).
        category: a theme's name, else the type.
        aliases: other names.
        rule: version 1; None for a list.
        tickers: the list, in its order; empty for a rule.
    """

    key: str
    type: str
    title: str
    membership: Literal["static", "dated"]
    category: str
    aliases: tuple[str, ...] = ()
    rule: Rule | None = None
    tickers: tuple[str, ...] = ()


def theme_key(theme: str) -> str:
    """The universe of a theme.

    Raises:
        BadInputError: there is no such theme.
    """
    if theme not in THEMES:
        raise BadInputError("theme", theme, choices(theme, THEMES))
    return f"etf_{theme}"


def theme_references() -> list[tuple[str, str]]:
    """Every theme with every ticker without whose bars its correlations and its rebalancing find nothing."""
    return [(theme, ticker) for theme in THEMES for ticker in (*REFERENCES, *OWN_REFERENCES.get(theme, ()))]


def shipped_universes() -> tuple[ShippedUniverse, ...]:
    """All shipped universes: themes, sizes, recent listings, lists for development."""
    return (
        *(_theme(theme) for theme in THEMES),
        *(_size(count) for count in SIZES),
        _recent_ipos(),
        _development("dev_top_10", "Ten large stocks for development", STOCKS[:10]),
        _development("dev_sectors", "Sector funds for development", SECTOR_FUNDS),
        _development("dev_etfs", "Ten broad ETFs for development", ETFS[:10]),
    )


def _theme(theme: str) -> ShippedUniverse:
    title = f"{THEMES[theme]} ETFs"
    rule = Rule(
        title=title,
        candidates=(Condition(field="themes", op="contains", value=theme),),
        conditions=(
            Condition(field="aum_usd", op=">", value=LEAST_AUM.get(theme, USUAL_LEAST_AUM)),
            Condition(field="adv20_usd", op=">", value=LEAST_ADV),
            Condition(field="expense_ratio", op="<", value=GREATEST_EXPENSE_RATIO),
        ),
    )
    return ShippedUniverse(theme_key(theme), "theme", title, "dated", theme, (theme,), rule=rule)


_COMMON = Condition(field="equity_type", op="in", value=("CS", "ADRC"))


def _size(count: int) -> ShippedUniverse:
    title = f"The {count:,} largest US-listed companies"
    top = Top(by="market_cap", count=count, group_by="cik")
    rule = Rule(title=title, candidates=(_COMMON,), top=top)
    return ShippedUniverse(f"top_{count}", "size", title, "dated", "size", rule=rule)


def _recent_ipos() -> ShippedUniverse:
    title = f"Listed within {RECENT_DAYS} days"
    rule = Rule(
        title=title,
        candidates=(_COMMON, Condition(field="listed_days", op="<=", value=RECENT_DAYS)),
    )
    return ShippedUniverse("recent_ipos", "ipo", title, "dated", "ipo", rule=rule)


def _development(key: str, title: str, tickers: tuple[str, ...]) -> ShippedUniverse:
    return ShippedUniverse(key, "development", title, "static", "development", tickers=tickers)
