"""Every endpoint's answers have what the vendor's schema requires, and say nothing with null."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import compile_path

from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster.simulator.vendor import ENDPOINTS
from tickstock_dagster_tests.simulator.asking import SUNDAY, ask
from tickstock_dagster_tests.simulator.conftest import PLENTY

LIST = "request_id status results"
BARS = "adjusted queryCount resultsCount request_id status results"

REQUIRED = {
    "/v2/aggs/ticker/AAPL/range/1/day/2026-11-02/2026-11-20": (f"ticker {BARS}", "o h l c v t"),
    "/v2/aggs/ticker/AAPL/range/2/week/2026-01-02/2026-11-20": (f"ticker {BARS}", "o h l c v t"),
    "/v2/aggs/grouped/locale/us/market/stocks/2026-11-20": (BARS, "T o h l c v t"),
    "/v2/aggs/ticker/AAPL/prev": (f"ticker {BARS}", "o h l c v t"),
    "/v1/open-close/AAPL/2026-11-20": ("status from symbol open high low close volume", ""),
    "/v3/snapshot": (LIST, "ticker"),
    "/v3/reference/tickers": (LIST, "ticker name market locale active currency_name"),
    "/v3/reference/tickers/types": (LIST, "code description asset_class locale"),
    "/v3/reference/tickers/AAPL": (LIST, "ticker name market locale active currency_name address branding"),
    "/v3/reference/exchanges": (LIST, "id type asset_class locale name"),
    "/vX/reference/tickers/META/events": (LIST, "name events"),
    "/stocks/v1/splits": (LIST, "adjustment_type"),
    "/stocks/v1/dividends": (LIST, "distribution_type"),
    "/v3/reference/splits": (LIST, "id ticker execution_date split_from split_to"),
    "/v3/reference/dividends": (LIST, "id ticker ex_dividend_date cash_amount dividend_type frequency"),
    "/etf-global/v1/profiles": (LIST, "product_type leverage_style management_classification"),
    "/etf-global/v1/taxonomies": (LIST, "product_type leverage_style management_classification"),
    "/etf-global/v1/fund-flows": (LIST, "composite_ticker effective_date processed_date"),
    "/vX/reference/ipos": (LIST, "ticker issuer_name ipo_status security_type last_updated"),
    "/v1/reference/ipos": (LIST, "ticker issuer_name ipo_status security_type last_updated"),
    "/v2/reference/news": (LIST, "id publisher title author published_utc article_url tickers"),
    "/stocks/filings/vX/index": (LIST, "accession_number cik filing_date filing_url form_type issuer_name"),
    "/v1/marketstatus/now": ("market earlyHours afterHours serverTime exchanges currencies", ""),
    "/v1/marketstatus/upcoming": ("", "exchange name date status"),
}


@pytest.fixture(scope="module")
def whole() -> Iterator[RunningSimulator]:
    """With everything that a key can have."""
    with RunningSimulator(now=SUNDAY, rate=PLENTY, plan="business", etf_facts=True, rough=True) as simulator:
        yield simulator


def nulls(value: Any) -> bool:
    """Whether there is a null anywhere: the vendor leaves out what it does not know."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(nulls, parts))


@pytest.mark.parametrize("path", REQUIRED)
def test_an_answer_has_what_the_schema_requires(whole: RunningSimulator, path: str) -> None:
    envelope, row = (set(names.split()) for names in REQUIRED[path])
    answer = ask(whole, path).json
    assert not nulls(answer)
    if envelope:
        assert answer.keys() >= envelope
    rows = answer if isinstance(answer, list) else answer.get("results", [])
    for one in rows if isinstance(rows, list) else [rows]:
        assert one.keys() >= row
        assert one.get("session") is None or one["session"].keys() >= {"previous_close", "change", "open", "close"}


def test_every_endpoint_is_among_them() -> None:
    patterns = {template: compile_path(template)[0] for template in ENDPOINTS}
    assert [name for name, pattern in patterns.items() if not any(map(pattern.match, REQUIRED))] == []
