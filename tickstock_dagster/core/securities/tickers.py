"""Tickers: one canonical spelling, whatever a source or a person wrote.

The canonical spelling is the one printed on US tapes and used by Massive: upper case, a dot before a share class,
warrant or unit (`BRK.B`, `ABC.WS`), lower-case letters only as the mark of preferreds, rights and when-issued
shares (`BACpL`, `ABCw`). Abroad it is the exchange's own code (`7203`, `BP.`). Which security a ticker names on a given
day belongs in the identity tables; quoting for a URL or a file name belongs in the adapters, and is trivial, since a
canonical ticker has only letters, digits and dots.
"""

import re
from functools import lru_cache

from tickstock_dagster.core.calendars.markets import ABROAD, MARKET
from tickstock_dagster.core.errors import BadInputError

ACCEPTED = "a ticker such as AAPL, BRK.B (also BRK-B, BRK/B, BRK B) or BACpL (also BAC-PL, BAC^L, BAC.PR.L)"

MAX_LENGTH = 16

NO_TICKER = frozenset({"", "N/A", "#N/A", "<NA>", "-", "--"})
"""Texts that stand for an absent ticker. NA, NAN, NULL and NONE are none of them: each is or was a ticker."""

SUFFIXES = {"L": "XLON", "T": "XTKS", "DE": "XETR"}
"""The suffixes by which data vendors mark the markets abroad that are served, with their MICs."""

_OF_US = re.compile(r"(?<=[^ .])[. ]US$", re.ASCII | re.IGNORECASE)
"""The suffix by which some vendors mark this market: AAPL.US, AAPL US. No share class is called US."""

_UNSERVED = frozenset(
    re.findall(
        "[A-Z]+",
        "AS AX BK BO BR CO HE HK IR IS JK JO KL KQ KS LS MC MI MX NS NZ OL PA SA SI SS ST SW SZ TA TO TW VI VX WA",
    )
)
"""Such suffixes of markets that are not served. None of them is a US share class, warrant, unit or right."""

_MARK = "(?:p[A-Z]?(?:CL)?|r)?(?:wd?)?"
"""Preferred with its series, called or not; right; when-issued or when-distributed."""

_CANONICAL = re.compile(rf"[A-Z0-9]{{1,8}}{_MARK}(?:\.[A-Z0-9]{{1,4}}){{0,2}}{_MARK}", re.ASCII)
_TITLE_CASE = re.compile("[A-Z][a-z]{2,}", re.ASCII)
_CURRENCY = re.compile(r"[A-Z0-9]+-(?:USD[TC]?|EUR|GBP|JPY|BTC|ETH)")
"""A cryptocurrency in another currency, as Yahoo writes it."""
_SEPARATORS = re.compile(r"[-/ .]")
_SPELLINGS = (
    # The listing files of Nasdaq and NYSE: BAC^E, BAC$E; of other sets: BAC_E.
    (re.compile(r"^([A-Z0-9]{1,8}) ?[$^] ?([A-Z]?)(CL)?$"), r"\1p\2\3"),
    (re.compile(r"^([A-Z0-9]{1,8})_P?([A-Z])(CL)?$"), r"\1p\2\3"),
    # The consolidated tapes: BAC PRE, BAC/PR, BAC.PR.E.
    (re.compile(r"^([A-Z0-9]{1,8})[/ .]PR[-/ .]?([A-Z]?)(CL)?$"), r"\1p\2\3"),
    # Yahoo: BAC-PE, where -PR is the series R; a dot stands before a market there (AIR.PA).
    (re.compile(r"^([A-Z0-9]{1,8})-PR[-/ .]?([A-Z])(CL)?$"), r"\1p\2\3"),
    (re.compile(r"^([A-Z0-9]{1,8})[-/ ]P([A-Z]?)(CL)?$"), r"\1p\2\3"),
    (re.compile(r"^([A-Z0-9]{1,8})[-/ .]WT(?:[-/ .]?([A-Z]))?$"), r"\1.WS.\2"),
    (re.compile(r"^([A-Z0-9]{1,8})-UN$"), r"\1.U"),
    (re.compile(r"^([A-Z0-9]{1,8})-RI$"), r"\1r"),
)
"""Other spellings of preferreds, warrants, units and rights, and the canonical one."""

_LOCAL = {
    "XLON": re.compile(r"[A-Z0-9]{3,4}|[A-Z0-9]{1,3}\.|[A-Z0-9]{1,4}\.[A-Z0-9]{1,2}", re.ASCII),
    "XTKS": re.compile(r"[0-9][0-9A-Z][0-9][0-9A-Z][0-9]?", re.ASCII),
    "XETR": re.compile(r"[A-Z0-9]{1,6}", re.ASCII),
}
"""The codes of the markets abroad. London's have at least three places, the last of them a dot where letters lack."""

_ACCEPTED_ABROAD = {
    "XLON": "a code of London such as VOD, BP. or BT.A (also VOD.L, BP.L, BT-A.L)",
    "XTKS": "a code of Tokyo such as 7203 or 130A (also 7203.T)",
    "XETR": "a code of Xetra such as SAP or P911 (also SAP.DE)",
}


def canonical_ticker(text: object, field: str = "ticker", market: str = MARKET) -> str:
    """The canonical spelling of a ticker.

    In the US a hyphen, a slash or a single blank before a share class becomes a dot, and the many spellings of
    preferreds become one. Case does not matter, but where lower-case letters are marks of a canonical ticker (`ABCw`)
    they stay. A ticker qualified with a market abroad (`7203.XTKS`) stays so.

    Args:
        text: the given ticker. Anything but text is refused: a table that turned the tickers TRUE or NAN into other
            types has lost them already.
        field: name of the value in the error.
        market: MIC of the market that lists it; abroad the result has no suffix (`VOD.L` and `VOD.XLON` are `VOD`).

    Raises:
        BadInputError: not text, empty, not in the form of a ticker, or one of another market.
    """
    accepted = _ACCEPTED_ABROAD.get(market, ACCEPTED)
    if not isinstance(text, str):
        raise BadInputError(field, text, f"{accepted}, as text and not as {type(text).__name__}")
    written = text.strip()
    if not written.isascii():  # upper() makes an S of the long s
        raise BadInputError(field, text, accepted)
    if written.upper() in NO_TICKER or _CURRENCY.fullmatch(written.upper()):
        raise BadInputError(field, text, f"{accepted}; this is no ticker")
    if market in _LOCAL:
        return _local(written, field, market)
    written = _OF_US.sub("", written)
    stem, _, suffix = written.upper().rpartition(".")
    if stem and suffix in ABROAD:
        return f"{_local(stem, field, suffix)}.{suffix}"
    if stem and (elsewhere := _elsewhere(stem, suffix)):
        raise BadInputError(field, text, f"{accepted}; {elsewhere}")
    exact = "" if _TITLE_CASE.fullmatch(written) else _spelt(written)
    for ticker in (exact, _spelt(written.upper())):
        if len(ticker) <= MAX_LENGTH and _CANONICAL.fullmatch(ticker):
            if elsewhere := _elsewhere(*ticker.rsplit(".", 1)) if "." in ticker else "":
                raise BadInputError(field, text, f"{accepted}; {elsewhere}")
            return ticker
    raise BadInputError(field, text, accepted)


@lru_cache(maxsize=65_536)
def is_us_ticker(text: str) -> bool:
    """Whether a text is a ticker of this market in some spelling, so that a source can be asked about it.

    Remembered, since list after list has the same tickers.
    """
    try:
        return market_of(canonical_ticker(text)) == MARKET
    except BadInputError:
        return False


def market_of(ticker: str) -> str:
    """MIC of the market abroad with which a canonical ticker is qualified; `MARKET` for a US ticker."""
    suffix = ticker.rpartition(".")[2]
    return suffix if suffix in ABROAD else MARKET


def _spelt(text: str) -> str:
    for pattern, canonical in _SPELLINGS:
        if pattern.fullmatch(text):
            return pattern.sub(canonical, text).removesuffix(".")
    return _SEPARATORS.sub(".", text)


def _elsewhere(stem: str, suffix: str) -> str:
    """Which market abroad a suffix marks, in words; empty where it is a US share class or the like."""
    if mic := SUFFIXES.get(suffix):
        return f".{suffix} marks {mic}: its bars are read from TICKSTOCK_FILES_{mic}, as {stem}.{mic}"
    return f".{suffix} marks a market that is not served" if suffix in _UNSERVED else ""


def _local(text: str, field: str, market: str) -> str:
    """A code of a market abroad, without the market's suffix."""
    code = text.upper()
    for suffix in (f".{market}", *(f".{mark}" for mark, mic in SUFFIXES.items() if mic == market)):
        if code.endswith(suffix):
            code = code.removesuffix(suffix)
            break
    if market == "XLON":
        code = re.sub("[-/ ]", ".", code)
        code = f"{code}." if re.fullmatch("[A-Z0-9]{1,2}", code) else code
    stem, _, suffix = code.rpartition(".")
    if stem and (elsewhere := _elsewhere(stem, suffix)):
        raise BadInputError(field, text, f"{_ACCEPTED_ABROAD[market]}; {elsewhere}")
    if not _LOCAL[market].fullmatch(code):
        raise BadInputError(field, text, _ACCEPTED_ABROAD[market])
    return code
