"""Classifies an ETF by the words of its name, category and benchmark.

For ETFs that the shipped seed does not name. The first matching rule decides, from top to bottom: what a fund *is*
(leveraged, a bond fund) comes before where it invests, and that before its style. Rules over facts, not this module,
decide what a universe may choose.
"""

import re
from dataclasses import dataclass

THEMES = ("sectors", "growth", "value", "international", "commodities", "technology", "bonds")
"""The seven themes for which a fund may be chosen."""

ETF_TYPES = (
    *THEMES, "broad_market", "size", "dividend", "factor", "real_estate", "equity_theme", "preferred", "currency",
    "allocation", "option_income", "volatility", "leveraged", "inverse",
)  # fmt: skip
"""Every class of ETF: a theme, or one that belongs to none."""


@dataclass(frozen=True, slots=True)
class EtfClass:
    """Class of an ETF, its possible themes, and the ticker of its correlation reference."""

    etf_type: str
    themes: tuple[str, ...]
    correlation_reference: str


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(patterns)})", re.IGNORECASE)


_SPONSORS = _words(
    r"deutsche bank\b", r"bank of america\b", r"merrill lynch\b", r"goldman sachs\b", r"credit suisse\b", r"global x\b"
)
"""Names of banks and issuers, which say nothing about a fund's holdings."""
_INVERSE = _words(
    r"inverse\b", r"bear\b", r"ultra(?:pro)? ?short (?!\w*(?:income|bond|duration|maturity|term|municipal|treasury))",
    r"proshares short ", r"short (?:s&p|dow|qqq|russell|msci|nasdaq|vix)", r"-[123]x\b",
)  # fmt: skip
_LEVERAGED = _words(
    r"ultrapro\b", r"ultra(?![- ]?short)\b", r"leveraged(?! loan)", r"[234](?:\.\d+)?x\b", r"bull\b(?!et)",
    r"daily target", r"2x long",
)  # fmt: skip
_VOLATILITY = _words(r"vix\b")
_OPTIONS = _words(
    r"covered call", r"buy-?write", r"premium income", r"option income", r"equity premium", r"put-?write", r"buffer",
    r"defined outcome", r"yieldmax",
)  # fmt: skip
_BONDS = _words(
    r"bonds?\b", r"treasur(?:y|ies)", r"t-bills?\b", r"munis?\b", r"muni\w*cipal", r"fixed income", r"tips\b",
    r"inflation[- ](?:protected|linked)", r"mbs\b", r"mortgage[- ]backed", r"floating rate", r"senior loan",
    r"(?:bank|leveraged) loan", r"clo\b", r"\w+ duration", r"ultra-?short", r"short maturity",
    r"maturity\b(?! commodity)",
    r"high yield(?! dividend| equity|.*dividend)", r"credit\b(?! suisse)", r"debt\b", r"tax-exempt", r"money market",
    r"aggregate\b(?! equity)", r"cash management", r"corporate(?! gov)", r"bulletshares", r"ibonds", r"convertible",
    r"government/credit", r"income opportunit", r"total return tactical", r"securitized", r"commercial paper",
)  # fmt: skip
_PREFERRED = _words(r"preferred")
_CURRENCY = _words(
    r"currencyshares", r"currenc(?:y|ies)\b(?![- ]hedged| neutral)", r"us dollar index", r"u\.s\. dollar index",
    r"(?:euro|yen|pound|dollar|franc|yuan|renminbi|rupee|krona|peso|real|won) (?:trust|strategy|fund|shares|etn)",
    r"(?:/|to )usd exchange rate", r"usd/", r"bitcoin", r"ether(?:eum)?\b", r"crypto", r"g10\b",
    r"(?:south african rand|renminbi|rupee)\b",
)  # fmt: skip
_ALLOCATION = _words(
    r"allocation", r"target (?:date|risk|20\d\d)", r"balanced", r"multi-?asset", r"diversified portfolio",
    r"retirement", r"lifepath", r"risk parity", r"hedge fund", r"merger arbitrage", r"long[/ -]short",
    r"managed futures", r"market neutral",
)  # fmt: skip
_SHARES_OF_COMMODITIES = _words(
    r"miners?\b", r"mining", r"producers?", r"explor", r"equit(?:y|ies)", r"services?\b", r"explorers", r"stocks?\b",
    r"agribusiness", r"compan(?:y|ies)", r"refiners", r"clean", r"timber", r"steel", r"coal", r"lithium", r"uranium",
    r"rare earth", r"equipment", r"upstream", r"select industry", r"resources?\b", r"gas index", r"oil & gas index",
    r"natural gas index", r"midstream", r"goldman", r"titans", r"gold hedged",
)  # fmt: skip
_COMMODITIES = _words(
    r"commodit(?:y|ies)", r"gold\b", r"silver\b", r"platinum", r"palladium", r"bullion", r"crude\b", r"oil\b",
    r"natural gas", r"gasoline", r"heating oil", r"brent", r"agricultur", r"corn\b", r"wheat", r"soybean", r"sugar",
    r"cotton", r"coffee", r"cocoa", r"livestock", r"grains?\b", r"softs\b", r"copper", r"aluminum", r"nickel", r"tin\b",
    r"lead\b", r"zinc", r"metals?\b", r"gsci", r"carbon", r"biofuels", r"sub-?index", r"cmci",
)  # fmt: skip
_REAL_ESTATE = _words(r"real estate", r"reits?\b", r"property", r"nareit", r"residential")
_WORLD = _words(r"world(?!.*ex[- ]?u)", r"global(?!.*ex[- ]?u)", r"acwi(?!.*ex[- ]?u)", r"all country world(?!.*ex)")
_EMERGING = _words(
    r"emerging", r"frontier", r"brics?\b", r"chin(?:a|ese)", r"csi ?300", r"chindia", r"india", r"nifty", r"brazil",
    r"mexico", r"taiwan", r"korea", r"russia", r"south africa", r"latin america", r"turkey", r"indonesia", r"thailand",
    r"malaysia", r"philippines", r"vietnam", r"chile", r"peru\b", r"colombia", r"poland", r"greece", r"argentina",
    r"saudi", r"qatar", r"uae\b", r"kuwait", r"egypt", r"nigeria", r"africa", r"middle east", r"gulf states",
    r"asia ex[- ]japan", r"asia ex\. japan", r"pakistan", r"far east", r"gems\b",
)  # fmt: skip
_DEVELOPED = _words(
    r"international", r"intl\b", r"eafe", r"ex[- ]?u\.?s", r"ex united states", r"ex[- ]north america", r"foreign",
    r"developed(?: markets?| world| europe)", r"europe", r"euro\b", r"eurozone", r"emu\b", r"euro stoxx", r"pacific",
    r"asia\b", r"japan", r"topix", r"canad(?:a|ian)", r"australia", r"united kingdom", r"germany", r"france", r"italy",
    r"spain", r"switzerland", r"sweden", r"netherlands", r"belgium", r"austria", r"ireland", r"norway", r"denmark",
    r"finland", r"nordic", r"stoxx", r"defa\b", r"hong kong", r"singapore", r"israel", r"new zealand", r"portugal",
    r"adr\b", r"bldrs",
)  # fmt: skip
_NASDAQ_100 = _words(r"nasdaq[- ]100", r"qqq\b")
_TECHNOLOGY = _words(
    r"technolog", r"tech\b", r"semiconductor", r"software", r"internet", r"cyber", r"cloud", r"robot",
    r"artificial intelligence", r"\bai\b", r"innovation", r"networking", r"blockchain", r"big data", r"fintech",
    r"5g\b", r"social media", r"e-?commerce", r"digital", r"metaverse", r"innovators", r"computing", r"nanotech",
    r"smartphone", r"iot\b", r"video gam",
)  # fmt: skip
_TECHNOLOGY_SECTOR = _words(r"information technology", r"sector: technology", r"technology (?:select|sector|index)")
_SECTORS = _words(
    r"sector", r"industry", r"financ", r"banks?\b", r"banking", r"kbw", r"insurance", r"broker", r"capital markets",
    r"energy(?!.*(?:clean|solar|wind|alternative|renew))", r"oil\b", r"(?:natural )?gas\b", r"mlps?\b", r"pipeline",
    r"health ?care", r"health\b", r"healthcare", r"biotech", r"pharma", r"medical", r"genom", r"life sciences",
    r"industrials?\b(?! average)", r"aerospace", r"defense\b", r"transport", r"consumer", r"retail", r"staples",
    r"discretionary", r"home(?:builders| construction)", r"leisure", r"food\b", r"media\b", r"gaming", r"utilit",
    r"infrastructure", r"materials", r"metals", r"mining", r"chemicals", r"steel", r"coal", r"telecom",
    r"communication", r"building", r"semis\b", r"airlines?", r"nuclear", r"automotive", r"restaurants",
)  # fmt: skip
_EQUITY_THEME = _words(
    r"clean", r"solar", r"wind\b", r"renewable", r"alternative energy", r"water\b", r"lithium", r"battery",
    r"uranium", r"miners?\b", r"rare earth", r"agribusiness", r"timber", r"jets\b", r"airline", r"cannabis", r"esg\b",
    r"electric vehicle", r"autonomous", r"space\b", r"demographic", r"millennial", r"spin-?off", r"ipo\b", r"insider",
    r"resources", r"producers", r"environmental", r"progressive", r"carbon",
)  # fmt: skip
_DIVIDEND = _words(r"dividend", r"equity income", r"aristocrat", r"high yield equity")
_DIVIDEND_GROWTH = _words(r"apprecia", r"growth", r"growers", r"aristocrat", r"rising")
_FACTOR = _words(
    r"min(?:imum)? vol", r"low vol", r"momentum", r"quality", r"multifactor", r"multi-factor", r"high beta",
    r"low beta", r"buyback", r"fundamental", r"rafi", r"alphadex", r"dynamic",
)  # fmt: skip
_VALUE = _words(r"(?:pure )?value(?! ?line)\b", r"cash cows", r"large value")
_GROWTH = _words(r"growth(?! (?:allocation|portfolio))", r"pure growth")
_SMALL = _words(r"small[- ]?cap", r"smallcap", r"small ", r"micro", r"russell 2000", r"s&p 600", r"extended market")
_MID = _words(r"mid[- ]?cap", r"midcap", r"mid ", r"s&p 400", r"completion")
_PRECIOUS = _words(r"gold\b", r"silver", r"platinum", r"palladium", r"precious", r"bullion")

_THEMES_OF_TYPE = {theme: (theme,) for theme in THEMES}


def classify_etf(
    ticker: str, name: str | None, *, category: str | None = None, benchmark: str | None = None
) -> EtfClass:
    """Classify an ETF; it is `broad_market` where no rule matches.

    Args:
        ticker: the fund's ticker.
        name: its name; None where it is unknown.
        category: its category in words.
        benchmark: name of its benchmark or index.
    """
    text = _SPONSORS.sub(" ", " ".join(part for part in (name, category, benchmark) if part))
    etf_type = _etf_type(text)
    return EtfClass(etf_type, _themes(etf_type, text), correlation_reference(ticker, etf_type, text))


def correlation_reference(ticker: str, etf_type: str, text: str) -> str:
    """The ticker of a fund's correlation reference.

    Bonds AGG; precious metals GLD, other commodities DBC; emerging markets EEM, other markets abroad EFA; technology
    QQQ; small companies IWM; everything else SPY. A fund is never its own reference: AGG, GLD, DBC, IWM and QQQ take
    SPY, EEM takes EFA, EFA takes SPY, and SPY takes IWM.

    Args:
        ticker: the fund's ticker.
        etf_type: one of `ETF_TYPES`.
        text: its name, category and benchmark.
    """
    reference = "SPY"
    if etf_type == "bonds":
        reference = "AGG"
    elif etf_type == "commodities":
        reference = "GLD" if _PRECIOUS.search(text) else "DBC"
    elif etf_type == "international":
        reference = "EEM" if _EMERGING.search(text) else "EFA"
    elif etf_type == "technology" or (etf_type == "sectors" and _TECHNOLOGY_SECTOR.search(text)):
        reference = "QQQ"
    elif etf_type in ("size", "growth", "value", "dividend", "factor") and _SMALL.search(text):
        reference = "IWM"
    if reference != ticker:
        return reference
    return {"EEM": "EFA", "SPY": "IWM"}.get(ticker, "SPY")


def _etf_type(text: str) -> str:
    rules = (
        ("inverse", _INVERSE), ("leveraged", _LEVERAGED), ("volatility", _VOLATILITY), ("option_income", _OPTIONS),
        ("preferred", _PREFERRED), ("bonds", _BONDS), ("allocation", _ALLOCATION), ("currency", _CURRENCY),
    )  # fmt: skip
    for etf_type, words in rules:
        if words.search(text):
            return etf_type
    if _COMMODITIES.search(text) and not _SHARES_OF_COMMODITIES.search(text) and not _SECTOR_SHARES.search(text):
        return "commodities"
    if _REAL_ESTATE.search(text) and not _SECTOR_SERIES.search(text):
        return "real_estate"
    abroad = _EMERGING.search(text) or _DEVELOPED.search(text)
    if abroad and not (_WORLD.search(text) and not _EMERGING.search(text)):
        return "international"
    return _domestic_type(text)


_SECTOR_SERIES = _words(r"select sector")
_SECTOR_SHARES = _words(r"sector", r"industry", r"aerospace", r"financ")


def _domestic_type(text: str) -> str:
    rules = (
        ("technology", _NASDAQ_100), ("equity_theme", _EQUITY_THEME), ("technology", _TECHNOLOGY),
        ("sectors", _SECTORS), ("sectors", _SECTOR_SERIES),
        ("value", _VALUE), ("dividend", _DIVIDEND), ("growth", _GROWTH), ("factor", _FACTOR),
        ("size", _SMALL), ("size", _MID),
    )  # fmt: skip
    return next((etf_type for etf_type, words in rules if words.search(text)), "broad_market")


def _themes(etf_type: str, text: str) -> tuple[str, ...]:
    themes = list(_THEMES_OF_TYPE.get(etf_type, ()))
    if etf_type == "technology":
        themes += ["growth"] if _NASDAQ_100.search(text) else []
        themes += ["sectors"] if _TECHNOLOGY_SECTOR.search(text) else []
    if etf_type == "dividend" and not _DIVIDEND_GROWTH.search(text):
        themes.append("value")  # a high yield is a measure of value; a growing dividend is not
    if etf_type == "real_estate" and not (_WORLD.search(text) or _DEVELOPED.search(text)):
        themes.append("sectors")
    return tuple(themes)
