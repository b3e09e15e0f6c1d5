"""Answers in the shapes of the vendor's published samples, values invented: each is read right, over HTTP, in pages."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any

import pytest

from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster_tests.adapters.load_helpers import QUICK, plan_without_rate
from tickstock_dagster_tests.adapters.sources.scripted_vendor import MIDNIGHT, Reply, ScriptedVendor, scripted_vendor

MON, TUE = date(2026, 1, 5), date(2026, 1, 6)
DAY = 86_400_000
ID = {"request_id": "6a7e0b5d", "status": "OK"}
CURSOR = "cursor=YXA9MiZsaW1pdD0y"
HOST = "https://api.massive.com"


@pytest.fixture(scope="module")
def vendor() -> Iterator[ScriptedVendor]:
    with scripted_vendor() as vendor:
        yield vendor


@pytest.fixture(scope="module")
def source(vendor: ScriptedVendor) -> Iterator[MassiveSource]:
    plan = plan_without_rate("business")
    opened = MassiveSource("key", vendor.url, plan, LocalRateLimiter(plan), policy=QUICK)
    yield opened
    opened.close()


RANGE = [
    {
        "ticker": "ABCD", "adjusted": False, "queryCount": 3, "resultsCount": 1, "count": 1, **ID,
        "results": [{"v": 1.25e6, "vw": 10.34, "o": 10.1, "c": 10.5, "h": 10.6, "l": 10, "t": MIDNIGHT, "n": 1}],
        "next_url": f"{HOST}/v2/aggs/ticker/ABCD/range/1/day/{MIDNIGHT + DAY}/2026-01-06?{CURSOR}",
    },
    {
        "ticker": "ABCD", "adjusted": False, "queryCount": 2, "resultsCount": 1, "request_id": "7", "status": "DELAYED",
        "results": [{"v": 998311.000123, "o": 10.5, "c": 10.8, "h": 10.9, "l": 10.4, "t": MIDNIGHT + DAY}],
    },
]  # fmt: skip
GROUPED = [
    {
        "adjusted": False, "queryCount": 3, "resultsCount": 3, **ID,
        "results": [
            {"T": "ABCpL", "c": 25.9102, "h": 26.25, "l": 25.91, "n": 74, "o": 26.07, "t": MIDNIGHT + 57_600_000,
             "v": 4369, "vw": 26.0407},
            {"T": "ABC.D", "c": 23.4, "h": 24.763, "l": 22.65, "o": 24.5, "t": MIDNIGHT + 57_600_000, "v": 25933.6},
            {"T": "ABCDF", "c": 0.0001, "h": 0.0001, "l": 0.0001, "o": 0.0001, "t": MIDNIGHT + 57_600_000, "v": 0.4,
             "n": 1, "otc": True},
        ],
    },
]  # fmt: skip
LISTED = {"market": "stocks", "locale": "us", "active": True, "currency_name": "usd"}
TICKERS = [
    {
        "results": [
            {"ticker": "ABCD", "name": "Abcd Corp", **LISTED, "primary_exchange": "XNYS", "type": "CS",
             "cik": "0001234567", "composite_figi": "BBG000000001", "share_class_figi": "BBG001000001",
             "last_updated_utc": "2026-01-05T00:00:00Z"},
        ],
        **ID, "count": 1, "next_url": f"{HOST}:443/v3/reference/tickers?{CURSOR}",
    },
    {
        "results": [
            {"ticker": "ABCX", "name": "Abc Index ETF", **LISTED, "primary_exchange": "ARCX", "type": "ETF"},
            {"ticker": "ABC.Aw", "name": "Abc Class A when issued", **LISTED},
        ],
        **ID, "count": 2,
    },
]  # fmt: skip
DETAILS = [
    {
        "results": {
            "ticker": "ABCD", "name": "Abcd Corp", **LISTED, "primary_exchange": "XNAS", "type": "CS",
            "cik": "0001234567", "market_cap": 2771126040.5, "phone_number": "(212) 555-0100",
            "address": {"address1": "1 MAIN STREET", "city": "AUSTIN", "state": "TX", "postal_code": "78701"},
            "sic_code": "3571", "sic_description": "ELECTRONIC COMPUTERS", "ticker_root": "ABCD", "round_lot": 100,
            "branding": {"logo_url": f"{HOST}/v1/reference/company-branding/x/logo.svg"}, "total_employees": 100,
            "list_date": "1980-12-12", "share_class_shares_outstanding": 16406400, "weighted_shares_outstanding": 16e6,
        },
        **ID,
    },
]  # fmt: skip
EVENTS = [
    {
        "results": {
            "name": "Abcd Corp",
            "events": [
                {"ticker_change": {"ticker": "ABCD"}, "event_type": "ticker_change", "date": "2022-06-09"},
                {"ticker_change": {"ticker": "OLDA"}, "type": "ticker_change", "date": "2012-05-18"},
            ],
        },
        **ID,
    },
]  # fmt: skip
HOLIDAYS = [
    [
        {"date": "2026-11-26", "exchange": "NYSE", "name": "Thanksgiving", "status": "closed"},
        {"date": "2026-11-27", "exchange": "NYSE", "name": "Thanksgiving", "status": "early-close",
         "open": "2026-11-27T14:30:00.000Z", "close": "2026-11-27T18:00:00.000Z"},
        {"date": "2026-11-26", "exchange": "OTC", "name": "Thanksgiving", "status": "closed"},
    ],
]  # fmt: skip
SPLITS = [
    {
        "request_id": 1, "status": "OK",
        "results": [
            {"adjustment_type": "forward_split", "execution_date": "2026-01-05", "id": "E1", "split_from": 1,
             "split_to": 1.5, "historical_adjustment_factor": 0.666667, "ticker": "ABCD"},
            {"adjustment_type": "stock_dividend", "execution_date": "2026-01-06", "ticker": "ABCX"},
        ],
    },
]  # fmt: skip
DIVIDENDS = [
    {
        "request_id": 1, "status": "OK",
        "results": [
            {"cash_amount": 0.26, "currency": "USD", "declaration_date": "2025-12-01", "distribution_type": "recurring",
             "ex_dividend_date": "2026-01-05", "frequency": 4, "id": "D1", "pay_date": "2026-01-14",
             "record_date": "2026-01-05", "split_adjusted_cash_amount": 0.26, "ticker": "ABCD",
             "historical_adjustment_factor": 0.997899},
            {"distribution_type": "unknown", "ticker": "ABCX", "ex_dividend_date": "2026-01-06"},
        ],
    },
]  # fmt: skip
SESSION = {"change": -0.05, "change_percent": -1.07, "close": 6.65, "high": 7.01, "low": 5.42, "open": 6.7}
SNAPSHOT = [
    {
        "results": [
            {"ticker": "ABCD", "type": "stocks", "name": "Abcd Corp", "market_status": "closed", "fmv": 6.6512,
             "fmv_last_updated": 1767646800000000000, "session": {**SESSION, "previous_close": 6.71, "volume": 67,
             "decimal_volume": "67.25"}, "last_minute": {"close": 6.65, "volume": 5, "vwap": 6.6}},
            {"ticker": "NOPE", "error": "NOT_FOUND", "message": "Ticker not found."},
        ],
        **ID, "next_url": f"{HOST}/v3/snapshot?{CURSOR}",
    },
    {"results": [{"ticker": "ABCX", "fmv": 20.5, "market_status": "closed"}], **ID},
]  # fmt: skip

DETAIL = attrgetter("name", "sic_code", "shares_outstanding", "market_cap", "list_date")

CASES: Mapping[str, tuple[list[Any], Callable[[MassiveSource], Any], Any]] = {
    "range": (
        RANGE,
        lambda source: source.range_bars("ABCD", MON, TUE).select("session", "close", "volume", "vwap").rows(),
        [(MON, 10.5, 1_250_000.0, 10.34), (TUE, 10.8, 998_311.000123, None)],
    ),
    "grouped": (
        GROUPED,
        lambda source: source.grouped_bars(MON).select("ticker", "close", "volume", "transactions").rows(),
        [("ABCpL", 25.9102, 4_369.0, 74), ("ABC.D", 23.4, 25_933.6, None), ("ABCDF", 0.0001, 0.4, 1)],
    ),
    "tickers": (
        TICKERS,
        lambda source: source.listings().select("ticker", "equity_type", "cik", "composite_figi").rows(),
        [
            ("ABCD", "CS", "0001234567", "BBG000000001"),
            ("ABCX", "ETF", None, None),
            ("ABC.Aw", None, None, None),
        ],
    ),
    "details": (
        DETAILS,
        lambda source: DETAIL(source.ticker_details("ABCD")),
        ("Abcd Corp", "3571", 16_406_400, 2_771_126_040.5, date(1980, 12, 12)),
    ),
    "events": (
        EVENTS,
        lambda source: [(one.ticker, one.effective) for one in source.ticker_changes("ABCD")],
        [("OLDA", date(2012, 5, 18)), ("ABCD", date(2022, 6, 9))],
    ),
    "holidays": (
        HOLIDAYS,
        lambda source: [(one.exchange, one.day, one.closes_at) for one in source.special_days()],
        [
            ("NYSE", date(2026, 11, 26), None),
            ("NYSE", date(2026, 11, 27), datetime(2026, 11, 27, 18, tzinfo=UTC)),
            ("OTC", date(2026, 11, 26), None),
        ],
    ),
    "splits": (
        SPLITS,
        lambda source: source.splits(MON, TUE).select("vendor_id", "ticker", "split_from", "split_to", "kind").rows(),
        [("E1", "ABCD", 1.0, 1.5, "forward_split"), (None, "ABCX", None, None, "stock_dividend")],
    ),
    "dividends": (
        DIVIDENDS,
        lambda source: source.dividends(MON, TUE).select("ticker", "cash_amount", "record_date", "kind").rows(),
        [("ABCD", 0.26, MON, "recurring"), ("ABCX", None, None, "unknown")],
    ),
    "snapshot": (
        SNAPSHOT,
        lambda source: source.fair_values(["ABCD", "ABCX", "NOPE"]).rows(),
        [("ABCD", 6.6512, datetime(2026, 1, 5, 21, tzinfo=UTC))],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_an_answer_in_the_vendors_shape_is_read_right(vendor: ScriptedVendor, source: MassiveSource, case: str) -> None:
    pages, read, expected = CASES[case]
    vendor.replies, vendor.paths = [Reply(page) for page in pages], []
    assert read(source) == expected
    assert len(vendor.paths) == len(pages)
    assert all(CURSOR in path for path in vendor.paths[1:])
