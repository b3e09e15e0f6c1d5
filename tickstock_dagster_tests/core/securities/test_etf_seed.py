"""The shipped file of ETFs: complete, in the right units, and refused with its line where it is not."""

import csv
import io

import pytest

from tickstock_dagster.adapters.securities.etf_profile_store import seed_funds
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.securities.etf_classification import THEMES, classify_etf, correlation_reference
from tickstock_dagster.core.securities.etf_seed import COLUMNS, EtfFacts, parse_seed, seed_members

GOOD = {
    "ticker": "SPY", "name": "SPDR S&P 500 ETF Trust", "issuer": "State Street", "category": "US large blend",
    "etf_type": "broad_market", "themes": "", "seed_of": "", "underlying_index": "S&P 500 Index",
    "correlation_reference": "IWM", "primary_exchange": "ARCX", "inception_date": "1993-01-22",
    "aum_usd": "620000000000", "aum_source": "issuer, 2024-12", "expense_ratio": "0.000945",
    "expense_ratio_source": "issuer, 2024-12", "as_of": "2024-12-31",
}  # fmt: skip
SMALLEST = {"international": 500e6, "commodities": 200e6}
KNOWN_TOO_DEAR = {"DBA"}
"""Begins commodities by the documents' list, and in truth costs more than the theme's rule allows."""


def text_of(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


SEED_PLACES = {theme: 10 if theme == "sectors" else 8 for theme in THEMES}
"""Funds with which each theme begins."""


def words(fund: EtfFacts) -> str:
    return " ".join(part for part in (fund.name, fund.category, fund.underlying_index) if part)


def test_the_seven_themes_begin_with_58_places() -> None:
    funds = seed_funds()
    assert len(funds) >= 220
    assert {theme: len(seed_members(funds, theme)) for theme in THEMES} == SEED_PLACES
    assert sum(SEED_PLACES.values()) == 58
    assert seed_members(funds, "sectors") == (
        "XLK", "XLF", "XLE", "XLV", "XLI", "XLY", "XLP", "XLU", "XLB", "XLRE"
    )  # fmt: skip


def test_every_figure_of_the_file_has_its_source_and_a_fund_begins_only_what_it_may_be_chosen_for() -> None:
    for fund in seed_funds():
        assert fund.aum_usd is not None, fund.ticker
        assert "2024-12" in (fund.aum_source or ""), fund.ticker
        assert fund.expense_ratio is not None, fund.ticker
        assert "2024-12" in (fund.expense_ratio_source or ""), fund.ticker
        assert set(fund.seed_of) <= set(fund.themes), fund.ticker


@pytest.mark.parametrize("theme", THEMES)
def test_who_begins_a_theme_keeps_its_bounds(theme: str) -> None:
    beginning = [fund for fund in seed_funds() if theme in fund.seed_of]
    assert [fund.ticker for fund in beginning if (fund.aum_usd or 0) <= SMALLEST.get(theme, 1e9)] == []
    assert {fund.ticker for fund in beginning if (fund.expense_ratio or 1) >= 0.0075} <= KNOWN_TOO_DEAR


def test_references_of_the_file_follow_the_rule_and_are_in_it() -> None:
    funds = seed_funds()
    tickers = {fund.ticker for fund in funds}
    for fund in funds:
        expected = correlation_reference(fund.ticker, fund.etf_type, words(fund))
        assert fund.correlation_reference == expected, fund.ticker
        assert fund.correlation_reference in tickers - {fund.ticker}


def test_the_words_of_the_file_give_the_classes_of_the_file_nearly_always() -> None:
    """Classes were given by hand; the rules for other funds see names and indexes alone."""
    funds = seed_funds()
    wrong = {
        fund.ticker
        for fund in funds
        if classify_etf(fund.ticker, fund.name, benchmark=fund.underlying_index).etf_type != fund.etf_type
    }
    assert wrong == {"XLK", "VYM", "PRF", "WCLD", "QUAL"}


def test_a_good_line_is_typed() -> None:
    [fund] = parse_seed(text_of(GOOD))
    assert (fund.ticker, fund.aum_usd, fund.expense_ratio, fund.themes) == ("SPY", 620e9, 0.000945, ())
    assert fund.inception_date is not None
    assert fund.inception_date.year == 1993


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aum_usd": "620000000000000"}, "not millions"),
        ({"aum_usd": "620"}, "US dollars from 10000"),
        ({"aum_usd": "620bn"}, "a plain number"),
        ({"aum_usd": "nan"}, "US dollars"),
        ({"expense_ratio": "0.945"}, "0.0009 for 0.09 %"),
        ({"expense_ratio": "-0.01"}, "a fraction of assets"),
        ({"expense_ratio": "0.09%"}, "a plain number"),
        ({"aum_source": ""}, "a source for the figure"),
        ({"expense_ratio": ""}, "none without one"),
        ({"etf_type": "gold"}, "broad_market"),
        ({"themes": "gold"}, "commodities"),
        ({"seed_of": "bonds"}, "themes of the fund"),
        ({"inception_date": "22.01.1993"}, "YYYY-MM-DD"),
        ({"as_of": ""}, "YYYY-MM-DD"),
        ({"correlation_reference": "S P Y !"}, "a ticker such as"),
        ({"underlying_index": "x" * 101}, "at most 100"),
    ],
)
def test_a_wrong_value_is_refused_with_line_ticker_and_field(change: dict[str, str], said: str) -> None:
    other = GOOD | {"ticker": "VOO"}
    with pytest.raises(BadInputError) as refused:
        parse_seed(text_of(other, GOOD | change))
    field = next(iter(change))
    named = "aum_source" if field == "aum_source" else "expense_ratio" if field == "expense_ratio" else field
    assert "line 3 (SPY)" in refused.value.field
    assert named in refused.value.field
    assert said in str(refused.value)


def test_a_ticker_twice_and_a_missing_column_are_refused() -> None:
    with pytest.raises(BadInputError, match="each ticker once"):
        parse_seed(text_of(GOOD, GOOD))
    with pytest.raises(BadInputError, match="columns"):
        parse_seed(text_of(GOOD, columns=COLUMNS[:-1]))
    with pytest.raises(BadInputError, match="16 values"):
        parse_seed(text_of(GOOD).rstrip("\n").rpartition(",")[0])
