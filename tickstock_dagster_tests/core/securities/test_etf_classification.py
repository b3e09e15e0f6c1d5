"""Classes of ETFs from their words, and how far two public lists agree."""

import csv
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from tickstock_dagster.core.securities.etf_classification import ETF_TYPES, THEMES, classify_etf


@pytest.mark.parametrize(
    ("ticker", "name", "benchmark", "etf_type", "themes", "reference"),
    [
        ("TQQQ", "ProShares UltraPro QQQ", "Nasdaq-100 Index", "leveraged", (), "SPY"),
        ("SH", "ProShares Short S&P500", "S&P 500 Index", "inverse", (), "SPY"),
        ("JPST", "JPMorgan Ultra-Short Income ETF", None, "bonds", ("bonds",), "AGG"),
        ("BSV", "Vanguard Short-Term Bond ETF", None, "bonds", ("bonds",), "AGG"),
        ("AGG", "iShares Core U.S. Aggregate Bond ETF", None, "bonds", ("bonds",), "SPY"),
        ("IAU", "iShares Gold Trust", "Gold", "commodities", ("commodities",), "GLD"),
        ("GLD", "SPDR Gold Shares", "Gold", "commodities", ("commodities",), "SPY"),
        ("USO", "United States Oil Fund LP", "Light sweet crude oil", "commodities", ("commodities",), "DBC"),
        ("GDX", "VanEck Gold Miners ETF", "NYSE Arca Gold Miners Index", "equity_theme", (), "SPY"),
        ("XOP", "SPDR S&P Oil & Gas Exploration & Production ETF", None, "sectors", ("sectors",), "SPY"),
        ("EEM", "iShares MSCI Emerging Markets ETF", None, "international", ("international",), "EFA"),
        ("INDA", "iShares MSCI India ETF", None, "international", ("international",), "EEM"),
        ("VEU", "Vanguard FTSE All-World ex-US ETF", None, "international", ("international",), "EFA"),
        ("VT", "Vanguard Total World Stock ETF", "FTSE Global All Cap Index", "broad_market", (), "SPY"),
        ("QQQ", "Invesco QQQ Trust", "Nasdaq-100 Index", "technology", ("technology", "growth"), "SPY"),
        ("QQQM", "Invesco NASDAQ 100 ETF", "Nasdaq-100 Index", "technology", ("technology", "growth"), "QQQ"),
        ("SMH", "VanEck Semiconductor ETF", None, "technology", ("technology",), "QQQ"),
        ("XLF", "Financial Select Sector SPDR", None, "sectors", ("sectors",), "SPY"),
        ("IWO", "iShares Russell 2000 Growth ETF", None, "growth", ("growth",), "IWM"),
        ("IWD", "iShares Russell 1000 Value ETF", None, "value", ("value",), "SPY"),
        ("DHS", "WisdomTree U.S. High Dividend Fund", None, "dividend", ("value",), "SPY"),
        ("VIG", "Vanguard Dividend Appreciation ETF", None, "dividend", (), "SPY"),
        ("VNQ", "Vanguard Real Estate ETF", None, "real_estate", ("sectors",), "SPY"),
        ("IWM", "iShares Russell 2000 ETF", None, "size", (), "SPY"),
        ("IJR", "iShares Core S&P Small-Cap ETF", None, "size", (), "IWM"),
        ("SPY", "SPDR S&P 500 ETF Trust", None, "broad_market", (), "IWM"),
        ("UUP", "Invesco DB US Dollar Index Bullish Fund", None, "currency", (), "SPY"),
        ("PFF", "iShares Preferred and Income Securities ETF", None, "preferred", (), "SPY"),
        ("XXXX", "", None, "broad_market", (), "SPY"),
    ],
)
def test_words_give_class_themes_and_reference(
    ticker: str, name: str, benchmark: str | None, etf_type: str, themes: tuple[str, ...], reference: str
) -> None:
    found = classify_etf(ticker, name, benchmark=benchmark)
    assert (found.etf_type, found.themes, found.correlation_reference) == (etf_type, themes, reference)
    assert found.etf_type in ETF_TYPES


def test_the_references_of_classes_are_the_tickers_whose_bars_are_needed() -> None:
    classes = [classify_etf("BND", "Bond ETF"), classify_etf("VTI", "Total Market")]
    assert {kind.correlation_reference for kind in classes} == {"AGG", "SPY"}


# -- agreement with two public lists ----------------------------------------------------------------------------------

SECTOR_CATEGORIES = {
    "Energy Equities", "Financials Equities", "Health & Biotech Equities", "Utilities Equities", "Materials",
    "Consumer Discretionary Equities", "Industrials Equities", "Consumer Staples Equities",
    "Miscellaneous Sector Equities", "Communications Equities", "Transportation Equities",
}  # fmt: skip
SECTOR_GROUPS = {
    "Energy", "Health Care", "Materials", "Industrials", "Consumer Discretionary", "Utilities", "Consumer Staples",
    "Communication Services",
}  # fmt: skip
Fund = tuple[str, str, str, str]
"""Ticker, name, index, theme by the list ("other": of none)."""


def theme_of_2015(row: dict[str, str]) -> str | None:
    """The theme by asset, category, region, sector and style; None where the list cannot say."""
    category, region = row["Category"], row["Region"]
    if row["Leveraged"] or row["Inverse"] or "Preferred" in category or region == "Global/Multi-Region":
        return None
    if row["Asset"] in ("Bond", "Commodity"):
        return "bonds" if row["Asset"] == "Bond" else "commodities"
    if row["Asset"] != "Equity" or "Real Estate" in category:
        return "other"
    if region not in ("", "U.S.", "North America"):
        return "international"
    if "Technology" in (category.removesuffix(" Equities"), row["Sector"]):
        return "technology"
    if category in SECTOR_CATEGORIES or row["Sector"]:
        return "sectors"
    return {"Growth": "growth", "Value": "value"}.get(row["Style"], "other")


def theme_of_database(row: dict[str, str]) -> str | None:
    """The theme by category; None where the list files a fund under how it trades, or under nothing."""
    group, category = row["category_group"], row["category"]
    if group in ("", "Derivatives", "Alternatives", "Currencies", "Real Estate") or category in ("", "Trading"):
        return None
    if group == "Fixed Income":
        return "bonds"
    if group == "Commodities":
        return "commodities"
    if category in ("Developed Markets", "Emerging Markets", "Frontier Markets"):
        return "international"
    if group == "Information Technology":
        return "technology"
    if group in SECTOR_GROUPS:
        return "sectors"
    return {"Growth": "growth", "Value": "value"}.get(category)


def compare(title: str, funds: Iterable[Fund]) -> dict[str, float]:
    """Print the table and every disagreement; returns the share of each theme's funds that are found."""
    there: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    claimed: Counter[str] = Counter()
    differing = []
    for ticker, name, index, theme in funds:
        found = classify_etf(ticker, name, benchmark=index)
        own = found.etf_type if found.etf_type in THEMES else "other"
        agrees = theme in (own, *found.themes)
        there[theme] += 1
        agreed[theme] += agrees
        claimed[theme if agrees else own] += 1
        if not agrees:
            differing.append(f"{ticker}: {name} ({index}): {theme} there, {found.etf_type} here")
    lines = [title, "| theme | funds there | found | of those claimed |", "|---|---|---|---|"]
    lines += [
        f"| {theme} | {there[theme]} | {agreed[theme] / max(1, there[theme]):.0%} "
        f"| {agreed[theme] / max(1, claimed[theme]):.0%} |"
        for theme in THEMES
    ]
    print("\n".join(["", *lines, f"{sum(agreed.values())} of {sum(there.values())} agree", *differing]))
    return {theme: agreed[theme] / max(1, there[theme]) for theme in (*THEMES, "other")}


def rows_of(name: str) -> list[dict[str, str]]:
    path = Path(os.environ.get("TICKSTOCK_REAL_DATA", "")) / "etf_master" / name
    if not path.is_file():
        pytest.skip("TICKSTOCK_REAL_DATA names no folder with etf_master")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.real_data
def test_names_and_indexes_alone_give_the_themes_of_the_reference_of_2015() -> None:
    funds = [
        (row["Symbol"], row["Name"], row["Index"].replace("n/a", ""), theme)
        for row in rows_of("etf_reference_2015_paulperry.csv")
        if (theme := theme_of_2015(row))
    ]
    assert len(funds) > 700
    found = compare("Reference of 2015", funds)
    assert min(found[theme] for theme in ("sectors", "international", "commodities", "technology", "bonds")) > 0.9
    assert found["growth"] > 0.8
    assert found["value"] > 0.75


@pytest.mark.real_data
def test_names_alone_give_the_themes_of_todays_database() -> None:
    funds = [
        (row["symbol"], row["name"], "", theme)
        for row in rows_of("financedatabase_us_etfs.csv")
        if (theme := theme_of_database(row))
    ]
    assert len(funds) > 1_000
    found = compare("Finance database", funds)
    # The list was filled by a machine: it files SCHG, MGK and SCHD under bonds, FCOM and FHLC under developed markets.
    assert found["bonds"] > 0.75
    assert found["commodities"] > 0.85
    assert found["international"] > 0.5
