"""Parses and validates the shipped file of ETFs: typed values, every figure with its source.

Units are those of the store: US dollars, and a fraction of assets a year. A figure in another unit (millions, per
cent) is implausible, and the error names its line. The adapters read the file.
"""

import csv
from collections import Counter
from dataclasses import dataclass
from datetime import date

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.etf_classification import ETF_TYPES, THEMES
from tickstock_dagster.core.securities.tickers import canonical_ticker

SMALLEST_AUM, LARGEST_AUM = 1e4, 5e12
LARGEST_EXPENSE_RATIO = 0.2

COLUMNS = (
    "ticker", "name", "issuer", "category", "etf_type", "themes", "seed_of", "underlying_index",
    "correlation_reference", "primary_exchange", "inception_date", "aum_usd", "aum_source", "expense_ratio",
    "expense_ratio_source", "as_of",
)  # fmt: skip

_LONGEST = {"etf_type": 50, "underlying_index": 100, "correlation_reference": 10}


@dataclass(frozen=True, slots=True)
class EtfFacts:
    """Facts about one ETF. `aum_usd` US dollars, `expense_ratio` a fraction a year; each names its source."""

    ticker: str
    as_of: date
    name: str | None
    issuer: str | None
    category: str | None
    themes: tuple[str, ...]
    etf_type: str
    underlying_index: str | None
    correlation_reference: str
    primary_exchange: str | None
    inception_date: date | None
    aum_usd: float | None
    aum_source: str | None
    expense_ratio: float | None
    expense_ratio_source: str | None
    seed_of: tuple[str, ...] = ()


def parse_seed(text: str, field_name: str = "etfs.csv") -> tuple[EtfFacts, ...]:
    """Read the file's text.

    Raises:
        BadInputError: a column, a value or a unit is wrong; the message names line, ticker and field.
    """
    lines = csv.DictReader(text.splitlines())
    if tuple(lines.fieldnames or ()) != COLUMNS:
        raise BadInputError(f"{field_name} columns", ",".join(lines.fieldnames or ()), ", ".join(COLUMNS))
    funds = [_fund(row, f"{field_name} line {number}") for number, row in enumerate(lines, start=2)]
    twice = [ticker for ticker, count in Counter(fund.ticker for fund in funds).items() if count > 1]
    if twice:
        raise BadInputError(f"{field_name} ticker", ", ".join(sorted(twice)), "each ticker once")
    return tuple(funds)


def seed_members(funds: tuple[EtfFacts, ...], theme: str) -> tuple[str, ...]:
    """The seed members of a theme, in the file's order."""
    return tuple(fund.ticker for fund in funds if theme in fund.seed_of)


def check_figures(where: str, aum_usd: float | None, expense_ratio: float | None) -> None:
    """Refuse implausible figures, which are usually in another unit.

    Raises:
        BadInputError: a figure is out of bounds; the message names it and its unit.
    """
    if aum_usd is not None and not SMALLEST_AUM <= aum_usd <= LARGEST_AUM:
        raise BadInputError(
            f"{where} aum_usd", f"{aum_usd:g}", f"US dollars from {SMALLEST_AUM:g} to {LARGEST_AUM:g} (not millions)"
        )
    if expense_ratio is not None and not 0 <= expense_ratio <= LARGEST_EXPENSE_RATIO:
        raise BadInputError(
            f"{where} expense_ratio",
            f"{expense_ratio:g}",
            f"a fraction of assets from 0 to {LARGEST_EXPENSE_RATIO:g} (0.0009 for 0.09 %)",
        )


def _fund(row: dict[str, str | None], where: str) -> EtfFacts:
    ticker = canonical_ticker(row["ticker"], f"{where} ticker")
    where = f"{where} ({ticker})"
    if None in row or None in row.values():
        raise BadInputError(where, row, f"{len(COLUMNS)} values")
    text = {name: (row[name] or "").strip() or None for name in COLUMNS}
    for name, longest in _LONGEST.items():
        if len(text[name] or "") > longest:
            raise BadInputError(f"{where} {name}", text[name], f"at most {longest} characters")
    etf_type = text["etf_type"] or ""
    if etf_type not in ETF_TYPES:
        raise BadInputError(f"{where} etf_type", etf_type, ", ".join(ETF_TYPES))
    themes, seed_of = (_themes(text[name], f"{where} {name}") for name in ("themes", "seed_of"))
    if not set(seed_of) <= set(themes):
        raise BadInputError(f"{where} seed_of", ";".join(seed_of), f"themes of the fund: {';'.join(themes)}")
    aum_usd, expense_ratio = (_number(text[name], f"{where} {name}") for name in ("aum_usd", "expense_ratio"))
    check_figures(where, aum_usd, expense_ratio)
    for figure in ("aum_usd", "expense_ratio"):
        source = figure.removesuffix("_usd") + "_source"
        if (text[figure] is None) != (text[source] is None):
            raise BadInputError(f"{where} {source}", text[source], "a source for the figure, none without one")
    as_of = _day(text["as_of"], f"{where} as_of")
    if as_of is None:
        raise BadInputError(f"{where} as_of", None, "a date, YYYY-MM-DD")
    return EtfFacts(
        ticker=ticker,
        as_of=as_of,
        name=text["name"],
        issuer=text["issuer"],
        category=text["category"],
        themes=themes,
        etf_type=etf_type,
        underlying_index=text["underlying_index"],
        correlation_reference=canonical_ticker(text["correlation_reference"], f"{where} correlation_reference"),
        primary_exchange=text["primary_exchange"],
        inception_date=_day(text["inception_date"], f"{where} inception_date"),
        aum_usd=aum_usd,
        aum_source=text["aum_source"],
        expense_ratio=expense_ratio,
        expense_ratio_source=text["expense_ratio_source"],
        seed_of=seed_of,
    )


def _themes(text: str | None, field_name: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in (text or "").split(";") if part.strip())
    if unknown := [name for name in names if name not in THEMES]:
        raise BadInputError(field_name, ", ".join(unknown), ", ".join(THEMES))
    return names


def _number(text: str | None, field_name: str) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        raise BadInputError(field_name, text, "a plain number without a unit") from None


def _day(text: str | None, field_name: str) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise BadInputError(field_name, text, "a date, YYYY-MM-DD") from None
