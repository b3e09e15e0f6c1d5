"""Sectors from SIC codes: every code of the SEC's list, the words, and large companies against their GICS sector."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

from tickstock_dagster.core.securities.sectors import SECTORS, sector_of

KNOWN_SIC = """
AAPL 3571 MSFT 7372 NVDA 3674 AMZN 5961 GOOGL 7370 META 7370 JPM 6021 XOM 2911 UNH 6324 TSLA 3711 AVGO 3674 LLY 2834
V 7389 MA 7389 HD 5211 PG 2840 COST 5331 JNJ 2834 WMT 5331 ABBV 2834 BAC 6021 MRK 2834 CVX 2911 KO 2080 PEP 2080
ADBE 7372 CRM 7372 NFLX 7841 AMD 3674 TMO 3829 CSCO 3576 MCD 5812 ABT 2834 LIN 2810 ORCL 7372 INTC 3674 CMCSA 4841
QCOM 3663 DIS 7990 WFC 6021 DHR 3823 VZ 4813 TXN 3674 INTU 7372 CAT 3531 AMGN 2836 IBM 3570 PFE 2834 UNP 4011 GE 3600
LOW 5211 HON 3724 GS 6211 RTX 3724 ISRG 3845 NEE 4911 BKNG 4700 AMAT 3674 T 4813 PLD 6798 MS 6211 SYK 3841 VRTX 2834
TJX 5651 LMT 3760 SCHW 6211 C 6021 DE 3523 ADP 7374 GILD 2836 BMY 2834 LRCX 3559 REGN 2834 CB 6331 SO 4911 MU 3674
UPS 4210 MO 2111 DUK 4931 CL 2844 EOG 1311 TGT 5331 BDX 3841 CME 6200 NOC 3812 AMT 6798 SPG 6798 EQIX 6798 NEM 1040
FCX 1000 NUE 3312 SHW 2851 ECL 2840 DOW 2821 CVS 5912 KR 5411 SYY 5140 PM 2111 MDLZ 2052 NKE 3021 SBUX 5810 F 3711
GM 3711 TMUS 4812 FDX 4513 CSX 4011 MMM 3841 EMR 3600 ETN 3590 AEP 4911 D 4911 AIG 6331 MET 6311 SLB 1389 COP 1311
PSX 2911 WMB 4922 KMI 4922
"""
"""SIC codes under which large companies file with the SEC, as public filings state them; a few may have changed."""


def test_sectors_are_named_as_gics_names_them() -> None:
    assert len(set(SECTORS)) == 11


@pytest.mark.parametrize(
    ("code", "words", "sector"),
    [
        ("3571", None, "Information Technology"), ("2834", None, "Health Care"), ("6798", None, "Real Estate"),
        ("100", "agricultural production-crops", "Consumer Staples"), ("0100", None, "Consumer Staples"),
        ("1311", None, "Energy"), ("4911", None, "Utilities"), ("6021", None, "Financials"),
        ("6324", None, "Health Care"), ("6331", None, "Financials"), ("6770", None, "Financials"),
        ("4813", None, "Communication Services"), (None, "SERVICES-PREPACKAGED SOFTWARE", "Information Technology"),
        (None, "Real estate investment trusts", "Real Estate"), ("8880", None, None), ("", "", None),
        (None, None, None), ("n/a", "State commercial banks", "Financials"),
    ],
)  # fmt: skip
def test_the_code_decides_and_else_its_words(code: str | None, words: str | None, sector: str | None) -> None:
    assert sector_of(code, words) == sector


def folder() -> Path:
    path = Path(os.environ.get("TICKSTOCK_REAL_DATA", ""))
    if not (path / "sic_codes").is_dir():
        pytest.skip("TICKSTOCK_REAL_DATA names no folder with sic_codes")
    return path


@pytest.mark.real_data
def test_every_code_of_the_secs_list_has_a_sector_but_those_of_no_business() -> None:
    with (folder() / "sic_codes" / "sec_sic_code_list.csv").open(encoding="utf-8-sig", newline="") as lines:
        titles = {row["SIC Code"]: row["Industry Title"] for row in csv.DictReader(lines)}
    assert len(titles) > 430
    assert {code for code in titles if sector_of(code) is None} == {"8880", "8888", "9721", "9995"}
    counts = Counter(sector_of(code) for code in titles)
    assert set(counts) == {*SECTORS, None}


@pytest.mark.real_data
def test_large_companies_have_the_sector_that_gics_gives_them_mostly() -> None:
    words = KNOWN_SIC.split()
    codes = dict(zip(words[::2], words[1::2], strict=True))
    with (folder() / "sp500_membership" / "constituents_current_2026-08.csv").open(encoding="utf-8") as lines:
        gics = {row["Symbol"]: row["GICS Sector"] for row in csv.DictReader(lines)}
    assert set(gics.values()) == set(SECTORS)
    compared = {ticker: (sector_of(code), gics[ticker]) for ticker, code in codes.items() if ticker in gics}
    wrong = {ticker: pair for ticker, pair in compared.items() if pair[0] != pair[1]}
    print(f"\n{len(compared) - len(wrong)} of {len(compared)} agree")
    print("\n".join(f"{ticker} {codes[ticker]}: {pair[0]}, GICS {pair[1]}" for ticker, pair in wrong.items()))
    assert len(compared) > 100
    assert len(wrong) < 0.15 * len(compared)
