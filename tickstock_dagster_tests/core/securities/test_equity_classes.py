"""Kinds of securities from type code, name and ticker."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from tickstock_dagster.core.securities.equity_classes import EquityClass, equity_class, is_test_issue


@pytest.mark.parametrize(
    ("ticker", "code", "name", "kind"),
    [
        ("AAPL", "CS", "Apple Inc.", "common"),
        ("TM", "ADRC", "Toyota Motor Corp ADR", "adr"),
        ("BACpL", "PFD", "Bank of America Preferred L", "preferred"),
        ("ABC.WS", "WARRANT", "ABC Corp warrant", "warrant"),
        ("ABCr", "RIGHT", "ABC rights", "right"),
        ("ABC.U", "UNIT", "ABC Acquisition unit", "unit"),
        ("SPY", "ETF", "SPDR S&P 500 ETF Trust", "etf"),
        ("GLD", "ETV", "SPDR Gold Shares", "etf"),
        ("VXX", "ETN", "iPath VIX", "etn"),
        ("PDI", "FUND", "PIMCO Dynamic Income Fund", "fund"),
        ("XYZ", "SP", "Structured product", "note"),
        ("ABC", "CS", "ABC Corp warrants", "common"),
        ("ABCWW", None, "ABC Corp - Warrant to buy one share of common stock", "warrant"),
        ("ABCB", None, "ABC 5.25% Senior Notes due 2031", "note"),
        ("ASML", None, "ASML Holding N.V. - New York Registry Shares", "adr"),
        ("ABCD", None, "ABCD Ltd - American Depositary Shares", "adr"),
        ("ABCU", None, "ABC Acquisition Corp - Units", "unit"),
        ("ABCP", None, "ABC 6% Series A Preferred", "preferred"),
        ("ABCE", None, "Some Fund ETF", "etf"),
        ("ABCF", None, "Closed-End Income Fund", "fund"),
        ("ABCC", "UNHEARD", "ABC Common Stock", "common"),
        ("ABCX", None, None, "other"),
        ("ABCX", "OTHER", "ABC Common Stock", "other"),
    ],
)
def test_the_code_decides_and_else_the_name(ticker: str, code: str | None, name: str | None, kind: str) -> None:
    assert equity_class(ticker, code, name) == kind


@pytest.mark.parametrize(
    ("ticker", "name"),
    [
        ("ZVZZT", "NASDAQ TEST STOCK"), ("ZWZZT", None), ("ZXZZT", ""), ("ZBZZT", None), ("NTEST.A", None),
        ("NTEST", None), ("ATEST", None), ("CTEST", None), ("CBO", None), ("CBX", None),
        ("ABCD", "Nasdaq Symbology Test Common"),
        ("ZTST", None), ("XXXX", "NYSE Listed Test Stock For Cts"), ("ZEXIT", "NYSE ARCA test security"),
    ],
)  # fmt: skip
def test_test_issues_are_known_by_ticker_or_name_whatever_their_code(ticker: str, name: str | None) -> None:
    assert equity_class(ticker, "CS", name) is EquityClass.TEST_ISSUE


@pytest.mark.parametrize(
    ("ticker", "name"),
    [("CBO", "Cable One Corp"), ("TEST", None), ("EXAS", "Exact Sciences: tests for cancer"), ("TSTE", "Contest Inc")],
)
def test_what_only_looks_like_one_is_none(ticker: str, name: str | None) -> None:
    assert not is_test_issue(ticker, name)


@pytest.mark.real_data
def test_every_test_issue_of_the_real_directories_is_known_and_no_other() -> None:
    folder = Path(os.environ.get("TICKSTOCK_REAL_DATA", "")) / "symbol_master"
    if not folder.is_dir():
        pytest.skip("TICKSTOCK_REAL_DATA names no folder with symbol_master")
    rows: list[tuple[str, str, str]] = []
    for file, ticker in (("nasdaq-listed-symbols.csv", "Symbol"), ("other-listed.csv", "ACT Symbol")):
        with (folder / file).open(encoding="utf-8", newline="") as lines:
            rows += [(row[ticker], row["Security Name"], row["Test Issue"]) for row in csv.DictReader(lines)]
    rows = [row for row in rows if row[0]]
    assert len(rows) > 13_000
    assert [row for row in rows if is_test_issue(row[0], row[1]) != (row[2] == "Y")] == []
    kinds = Counter(equity_class(ticker, None, name) for ticker, name, _ in rows)
    print("\n" + "\n".join(f"{kind}: {count}" for kind, count in kinds.most_common()))
    assert kinds[EquityClass.TEST_ISSUE] >= 8
    assert kinds[EquityClass.WARRANT] > 400
    assert sum(kinds.values()) == len(rows)
