"""The kind of a security, from the vendor's type code and its name. Nothing is dropped here.

Test issues come first: exchanges give them ordinary type codes, so only ticker and name identify them.
"""

import re
from enum import StrEnum


class EquityClass(StrEnum):
    """Kinds of listed securities."""

    COMMON = "common"
    ADR = "adr"
    PREFERRED = "preferred"
    WARRANT = "warrant"
    RIGHT = "right"
    UNIT = "unit"
    ETF = "etf"
    ETN = "etn"
    FUND = "fund"
    NOTE = "note"
    TEST_ISSUE = "test_issue"
    OTHER = "other"


DETAILED_CLASSES = frozenset({EquityClass.COMMON, EquityClass.ADR, EquityClass.ETF, EquityClass.ETN, EquityClass.FUND})
"""Kinds whose details (shares, SIC, list date) are fetched; the others would cost calls and serve no universe."""

_BY_CODE = {
    "CS": EquityClass.COMMON, "OS": EquityClass.COMMON, "GDR": EquityClass.ADR, "NYRS": EquityClass.ADR,
    "ADRC": EquityClass.ADR, "ADRP": EquityClass.PREFERRED, "ADRW": EquityClass.WARRANT, "ADRR": EquityClass.RIGHT,
    "PFD": EquityClass.PREFERRED, "WARRANT": EquityClass.WARRANT, "RIGHT": EquityClass.RIGHT, "UNIT": EquityClass.UNIT,
    "ETF": EquityClass.ETF, "ETS": EquityClass.ETF, "ETV": EquityClass.ETF, "ETN": EquityClass.ETN,
    "FUND": EquityClass.FUND, "BASKET": EquityClass.FUND, "LT": EquityClass.FUND, "BOND": EquityClass.NOTE,
    "AGEN": EquityClass.NOTE, "EQLK": EquityClass.NOTE, "SP": EquityClass.NOTE, "OTHER": EquityClass.OTHER,
    "INDEX": EquityClass.OTHER,
}  # fmt: skip
"""The vendor's codes. ETS (single security) and ETV (vehicles: commodity and currency trusts) are traded as ETFs."""

_TEST_TICKERS = re.compile(r"Z[VWXB]ZZT|ZZ[ABC]ZZ|ZZZ|ZTST|ZTEST|ZEXIT|ZIEXT|ZXIET|ZJZZT|[ACNMP]TEST|CB[OX]|IGZ|IHAM")
_TEST_FAMILY = re.compile(r"(?:[ACNMPZ]TEST|Z[VWXBJ]ZZT|CBO|CBX|NTEST|CTEST|MTEST|ZTEST)[.p]?[A-Z]{0,2}|CB[OX]\.?[A-Z]")
_TEST_NAME = re.compile(
    r"\btest (?:issue|stock|security|symbol|pilot|common)|\bpilot test\b|\bticktest\b|\btick pilot|symbol test"
    r"|listed test|^(?:nasdaq|nyse|cboe|bats)?\s*test\b",
    re.IGNORECASE,
)
_COMPANY_NAME = re.compile(r"\b(?:inc|corp|corporation|company|ltd|plc|trust|etf|fund|holdings)\b", re.IGNORECASE)

_BY_NAME = (
    (EquityClass.WARRANT, re.compile(r"\bwarrants?\b", re.IGNORECASE)),
    (EquityClass.RIGHT, re.compile(r"\brights?\b(?! offering)", re.IGNORECASE)),
    (EquityClass.UNIT, re.compile(r"\bunits?\b(?!ed)(?!.*limited partner)(?!.*common unit)", re.IGNORECASE)),
    (EquityClass.ETN, re.compile(r"\betns?\b|exchange[- ]traded notes?", re.IGNORECASE)),
    (EquityClass.PREFERRED, re.compile(r"\bpreferred\b|\bpreference\b|\bpfd\b", re.IGNORECASE)),
    (EquityClass.NOTE, re.compile(r"\bnotes?\b|\bdebentures?\b|\bbonds? due\b|senior secured", re.IGNORECASE)),
    (EquityClass.ETF, re.compile(r"\betf\b|exchange[- ]traded fund", re.IGNORECASE)),
    (
        EquityClass.ADR,
        re.compile(r"\bdeposit[ao]ry (?:shares?|receipts?)\b|new york registry|\badrs?\b|\badss?\b", re.IGNORECASE),
    ),
    (EquityClass.FUND, re.compile(r"\bfund\b|closed[- ]end", re.IGNORECASE)),
    (
        EquityClass.COMMON,
        re.compile(
            r"\bcommon\b|\bordinary\b|\bclass [a-z]\b|\bcapital stock\b|\bvoting shares\b|\bord shares\b", re.IGNORECASE
        ),
    ),
)


def equity_class(ticker: str, equity_type: str | None, name: str | None) -> EquityClass:
    """The kind of a security.

    A known type code decides; otherwise the name does, narrower words first (a warrant to buy common stock is a
    warrant). Without a match it is `other`, and is counted like the rest.
    """
    if is_test_issue(ticker, name):
        return EquityClass.TEST_ISSUE
    code = _BY_CODE.get((equity_type or "").upper())
    if code is not None:
        return code
    return next((kind for kind, words in _BY_NAME if words.search(name or "")), EquityClass.OTHER)


def is_test_issue(ticker: str, name: str | None) -> bool:
    """Whether an exchange lists the security only to test its systems: ZVZZT, NTEST.A, CBO, or a name that says so."""
    if _TEST_NAME.search(name or ""):
        return True
    # A company's name outweighs a ticker that looks like a test issue: CBO may be given to a company again.
    return bool(_TEST_TICKERS.fullmatch(ticker) or _TEST_FAMILY.fullmatch(ticker)) and not _names_a_company(name)


def _names_a_company(name: str | None) -> bool:
    return _COMPANY_NAME.search(name or "") is not None
