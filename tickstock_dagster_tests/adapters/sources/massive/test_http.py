import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from tickstock_dagster.adapters.sources.massive import http as massive_http
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import (
    AuthFailedError,
    MalformedAnswerError,
    NotFoundError,
    RateLimitedError,
    RejectedRequestError,
    UpstreamError,
    VendorError,
)
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import vendor_plan
from tickstock_dagster_tests.adapters.sources.scripted_vendor import Reply, bars, scripted_vendor

MON = date(2026, 1, 5)
KEY = "s3cr+t/key"
STARTER = vendor_plan("starter")
QUICK = RetryPolicy(attempts=3, first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)


@contextmanager
def source_on(url, **options):
    source = MassiveSource(KEY, url, STARTER, LocalRateLimiter(STARTER), policy=QUICK, **options)
    yield source
    source.close()


@pytest.fixture
def vendor():
    with scripted_vendor() as running:
        yield running


@pytest.fixture
def source(vendor):
    with source_on(vendor.url) as opened:
        yield opened


def test_bars_are_asked_for_raw_ascending_and_at_the_largest_page(vendor, source):
    source.range_bars("brk-b", MON, date(2026, 1, 9))
    url = urlsplit(vendor.paths[0])
    assert url.path == "/v2/aggs/ticker/BRK.B/range/1/day/2026-01-05/2026-01-09"
    assert parse_qs(url.query) == {"adjusted": ["false"], "sort": ["asc"], "limit": ["50000"]}
    assert vendor.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_the_key_travels_in_the_header_alone(vendor, source):
    vendor.replies = [Reply({"status": "OK", "count": 0}) for _ in range(2)]
    source.splits(MON, MON)
    source.dividends(MON, MON)
    source.range_bars("ABCD", MON, MON)
    assert not any("key" in path.lower() for path in vendor.paths)


def test_every_attempt_is_recorded_and_the_record_is_taken_once(vendor, source):
    vendor.replies = [Reply(status=502), Reply(bars("ZZZZ"))]
    source.range_bars("ABCD", MON, MON)
    calls = source.drain_calls()
    assert [(call.attempt, call.status, call.rows, call.outcome) for call in calls] == [
        (1, 502, 0, "UpstreamError"),
        (2, 200, 0, "MalformedAnswerError"),
        (3, 200, 1, "ok"),
    ]
    assert {call.endpoint for call in calls} == {"/v2/aggs/ticker/ABCD/range/1/day/2026-01-05/2026-01-05"}
    assert all(call.elapsed_ms > 0 and call.called_at > 1.7e9 for call in calls)
    assert source.drain_calls() == []


def test_a_call_that_is_interrupted_is_not_recorded_as_good(source):
    def interrupted(_client):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        source._http.get("anything", interrupted, lambda _body: None)
    assert [(call.status, call.outcome) for call in source.drain_calls()] == [(None, "interrupted")]


def test_pages_are_followed_on_our_server_also_where_they_name_the_vendors_own_host(vendor, source):
    page = bars(next_url="https://api.polygon.io/v2/aggs/ticker/ABCD/more?cursor=abc&apiKey=leak")
    vendor.replies = [Reply(page), Reply(bars())]
    assert source.range_bars("ABCD", MON, MON).height == 2
    assert vendor.paths[1] == "/v2/aggs/ticker/ABCD/more?cursor=abc"


@pytest.mark.parametrize("end", [None, ""])
def test_an_empty_next_page_is_the_end(vendor, source, end):
    vendor.replies = [Reply(bars(next_url=end))]
    assert source.range_bars("ABCD", MON, MON).height == 1
    assert len(vendor.paths) == 1


def test_pages_that_lead_in_a_circle_are_malformed(vendor, source):
    vendor.replies = [Reply(bars(next_url="/v2/a?cursor=1")) for _ in range(3)]
    with pytest.raises(MalformedAnswerError, match=r"bars of ABCD .*: the pages do not end \(2 read\)"):
        source.range_bars("ABCD", MON, MON)


def test_pages_without_end_are_malformed(vendor, source, monkeypatch):
    monkeypatch.setattr(massive_http, "MAX_PAGES", 4)
    vendor.replies = [Reply(bars(next_url=f"/v2/a?cursor={page}")) for page in range(9)]
    with pytest.raises(MalformedAnswerError, match=r"the pages do not end \(4 read\)"):
        source.range_bars("ABCD", MON, MON)


def test_a_page_that_fails_fails_the_whole_and_is_named(vendor, source):
    vendor.replies = [Reply(bars(next_url="/v2/a?cursor=1")), *[Reply(b"{", 200)] * 3]
    with pytest.raises(MalformedAnswerError, match=r"bars of ABCD 2026-01-05\.\.2026-01-05, page 2: the answer cannot"):
        source.range_bars("ABCD", MON, MON)


def test_an_address_with_a_path_serves_its_next_pages_too(vendor):
    with source_on(f"{vendor.url}/gateway/") as source:
        vendor.replies = [Reply(bars(next_url=f"{vendor.url}/gateway/v2/more?cursor=1"))]
        vendor.replies.append(Reply(bars()))
        source.range_bars("ABCD", MON, MON)
        endpoints = [call.endpoint for call in source.drain_calls()]
    assert vendor.paths[1] == "/gateway/v2/more?cursor=1"
    assert endpoints == ["/v2/aggs/ticker/ABCD/range/1/day/2026-01-05/2026-01-05", "/v2/more"]


def test_a_redirect_is_refused_and_the_key_goes_nowhere_else(vendor, source):
    with scripted_vendor() as elsewhere:
        vendor.replies = [Reply(status=302, headers={"Location": f"{elsewhere.url}/v2/x"})]
        with pytest.raises(RejectedRequestError, match=r"302.*redirects are not followed: check MASSIVE_BASE_URL"):
            source.range_bars("ABCD", MON, MON)
        assert elsewhere.paths == []


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply({"error": "Unknown API Key s3cr+t/key"}, 401), AuthFailedError, r"Unknown API Key \[key\]"),
        (Reply(b"\xff\xfe no text", 500), UpstreamError, "answered 500"),
        (Reply(status=204), MalformedAnswerError, "answered 204: without a word"),
        (Reply(b"junk", headers={"Content-Encoding": "gzip"}), MalformedAnswerError, "cut or garbled on the way"),
        (Reply(b'{"status"', missing_bytes=50), MalformedAnswerError, "cut or garbled on the way"),
        (Reply(bars(KEY)), MalformedAnswerError, r"an answer about '\[key\]' instead of ABCD"),
        (Reply({"error": "slow down"}, 429, {"Retry-After": "0"}), RateLimitedError, r"slow down \(asks to wait 0 s\)"),
        (Reply({"error": "slow down"}, 429, {"Retry-After": "600"}), RateLimitedError, r"asks to wait 600 s"),
    ],
)
def test_a_bad_exchange_says_who_was_asked_for_what_and_never_the_key(vendor, source, reply, kind, words, caplog):
    vendor.replies = [reply] * 3
    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=words) as caught:
        source.range_bars("ABCD", MON, MON)
    assert str(caught.value).startswith("massive: bars of ABCD 2026-01-05..2026-01-05: ")
    said = str(caught.value) + caplog.text + repr(caught.value) + repr(source.drain_calls())
    assert KEY not in said
    assert "s3cr" not in said


def test_a_vendor_that_is_down_cannot_be_reached():
    with source_on("http://127.0.0.1:1") as source, pytest.raises(UpstreamError, match=r"cannot be reached: .*refused"):
        source.range_bars("ABCD", MON, MON)
    [first, *others] = source.drain_calls()
    assert (first.status, first.outcome, len(others)) == (None, "UpstreamError", 2)


def test_only_an_unknown_ticker_is_no_row_of_the_list_any_other_404_is_an_error(vendor, source):
    vendor.replies = [
        Reply({"message": "Ticker not found."}, 404),
        Reply({"results": [{"ticker": "B"}], "status": "OK"}),
    ]
    assert source.listings(tickers=["A", "B", "A"])["ticker"].to_list() == ["B"]
    assert [parse_qs(urlsplit(path).query)["ticker"] for path in vendor.paths] == [["A"], ["B"]]
    vendor.replies = [Reply(status=404)]
    with pytest.raises(NotFoundError):
        source.listings()


def test_a_list_without_a_single_active_ticker_is_malformed(vendor, source):
    vendor.replies = [Reply({"results": [], "status": "OK", "count": 0})] * 3
    with pytest.raises(MalformedAnswerError, match="the list of active tickers on 2026-01-05 is empty"):
        source.listings(on=MON)
    assert source.listings(on=date(1999, 1, 4)).is_empty()
    assert source.listings(active=False).is_empty()


@pytest.mark.parametrize("ask", ["range_bars", "splits", "dividends"])
def test_an_inverted_range_is_bad_input_and_asks_nothing(vendor, source, ask):
    days = (date(2026, 1, 6), MON)
    with pytest.raises(BadInputError, match=r"range '2026-01-06\.\.2026-01-05' is not accepted"):
        getattr(source, ask)(*(("ABCD", *days) if ask == "range_bars" else days))
    assert vendor.paths == []


def test_what_is_no_ticker_is_bad_input_and_asks_nothing(vendor, source):
    for ask in (lambda: source.range_bars("A/B?x", MON, MON), lambda: source.ticker_changes("../x")):
        with pytest.raises(BadInputError):
            ask()
    assert vendor.paths == []


def test_threads_share_a_source_and_each_gets_its_own_answer(source):
    tickers = [f"T{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        frames = list(threads.map(lambda ticker: source.range_bars(ticker, MON, MON), tickers))
    assert [frame["ticker"].to_list() for frame in frames] == [[ticker] for ticker in tickers]
    assert sorted(call.endpoint.split("/")[4] for call in source.drain_calls()) == sorted(tickers)


def test_the_clients_logger_leaves_stdout_alone():
    assert logging.getLogger("RESTClient").handlers == []


def test_every_error_of_a_source_is_one_a_person_can_act_on():
    assert issubclass(VendorError, Exception)
    assert VendorError("x").exit_code == 1
