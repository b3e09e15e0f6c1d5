"""The simulated vendor's terms for a listed symbol: spelling of its ticker, type code, venue and SIC code.

For symbol masters that have none of these, but a name and the listing files' letters. They are guesses by the words
that exchanges put into names, for the simulator only: the project itself classifies nothing by them.
"""

import re

from tickstock_dagster.core.securities.tickers import canonical_ticker

_MICS = {
    "A": "XASE", "AMEX": "XASE", "NYSE AMERICAN": "XASE", "NYSE MKT": "XASE",
    "N": "XNYS", "NYSE": "XNYS",
    "P": "ARCX", "NYSE ARCA": "ARCX", "ARCA": "ARCX",
    "Z": "BATS", "CBOE": "BATS", "CBOE BZX": "BATS",
    "V": "IEXG", "IEX": "IEXG",
    "Q": "XNAS", "G": "XNAS", "S": "XNAS", "NASDAQ": "XNAS",
}  # fmt: skip
"""G and S are the other two tiers of Nasdaq in its own listing file."""

_MIC = re.compile("X[A-Z]{3}|ARCX|BATS|BATY|EDGA|EDGX|IEXG|MEMX|EPRL|LTSE|OTC[BMQ]|OOTC|PINX")

VENUES = "a MIC such as XNYS, or a letter of the listing files: A N P Z V Q"

# The first match counts. Units come with warrants, warrants may buy depositary shares, and depositary shares may
# stand for preferred ones or for "the right to receive" others.
_NAMES = (
    ("ETN", r"\bETNs?\b|exchange[- ]traded notes?\b"),
    ("PFD", r"^(?!.*\bamerican deposit).*\b(?:prefer(?:red|ence)|preffered|pfd)\b"),
    ("UNIT", r"\bunits?\b(?!.*\b(?:beneficial|partnership|limited partner))"),
    ("WARRANT", r"\bwarrants?\b"),
    ("ADRC", r"\bamerican deposit[ao]ry\b|\bADSs?\b|\bADRs?\b"),
    ("RIGHT", r"\brights?\b"),
    ("BOND", r"\b(?:notes?|debentures?|bonds?)\b.*\bdue\b|\b(?:senior|subordinated)\b.*\b(?:notes?|debentures?)\b"),
)
_SUFFIXES = (("UNIT", r"\.UN?$"), ("WARRANT", r"\.WS?(?:\.[A-Z])?$"), ("RIGHT", r"\.RT?$|r$"), ("PFD", r"p[A-Z]?$"))
_TEST = re.compile(r"\btest (?:stock|issue|symbol|security|common)\b|\btick pilot test\b", re.IGNORECASE)

_SECTORS = {
    "T": ("technology", "information technology"),
    "F": ("finance", "financials", "financial services"),
    "H": ("health care", "healthcare"),
    "D": ("consumer discretionary", "consumer cyclical", "consumer services", "consumer durables"),
    "S": ("consumer staples", "consumer defensive", "consumer non-durables"),
    "E": ("energy",),
    "I": ("industrials", "capital goods", "transportation"),
    "M": ("basic materials", "materials", "basic industries"),
    "U": ("utilities", "public utilities"),
    "R": ("real estate",),
    "C": ("telecommunications", "communication services", "communications"),
}
_LETTER = {name: letter for letter, names in _SECTORS.items() for name in names}


def vendor_ticker(text: str) -> str:
    """The vendor's spelling: `BAC^E` and `BAC$E` of the listing files are BACpE, `BRK/B` is BRK.B.

    Raises:
        BadInputError: the text is not a ticker.
    """
    return canonical_ticker(re.sub(r"\s*[$^]\s*", "p", text.strip()))


def mic_of(text: str) -> str | None:
    """MIC of a venue as symbol masters write it; None for an unknown venue."""
    name = text.strip().upper()
    return name if _MIC.fullmatch(name) else _MICS.get(name)


def equity_type_of(ticker: str, name: str, *, etf: bool = False, test_issue: bool = False) -> str:
    """The type code that the words of the name suggest, or else the ticker's suffix; common stock where neither does.

    Args:
        ticker: in the vendor's spelling.
        name: of the security.
        etf: whether the file marks it as an ETF.
        test_issue: whether the file marks it as a test issue.
    """
    if test_issue or _TEST.search(name):
        return "OTHER"
    if etf:
        return "ETN" if re.search(_NAMES[0][1], name, re.IGNORECASE) else "ETF"
    by_name = (code for code, words in _NAMES if re.search(words, name, re.IGNORECASE))
    by_suffix = (code for code, ending in _SUFFIXES if re.search(ending, ticker))
    return next(by_name, None) or next(by_suffix, "CS")


def sic_of_sector(sector: str) -> tuple[str, str] | None:
    """A usual SIC code of a sector, with its description; None where the sector is not one of the eleven."""
    letter = _LETTER.get(" ".join(sector.split()).lower())
    return SIC_CODES[letter] if letter else None


SIC_CODES = {
    "T": ("3570", "COMPUTER & OFFICE EQUIPMENT"),
    "F": ("6021", "NATIONAL COMMERCIAL BANKS"),
        "H": ("2834", "PHARMACEUTICAL PREPARATIONS"), "D": ("5940", "RETAIL-MISCELLANEOUS SHOPPING GOODS STORES"),
        "S": ("2080", "BEVERAGES"), "E": ("1311", "CRUDE PETROLEUM & NATURAL GAS"),
        "I": ("3560", "GENERAL INDUSTRIAL MACHINERY & EQUIPMENT"), "M": ("2800", "CHEMICALS & ALLIED PRODUCTS"),
        "U": ("4911", "ELECTRIC SERVICES"), "R": ("6798", "REAL ESTATE INVESTMENT TRUSTS"),
        "C": ("4841", "CABLE & OTHER PAY TELEVISION SERVICES")}  # fmt: skip
"""A usual SIC code of each sector, with its description."""
