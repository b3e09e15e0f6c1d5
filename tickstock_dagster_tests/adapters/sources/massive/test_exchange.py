"""One exchange has a deadline and a size, whatever the server does."""

import gzip
import logging
import threading
import time
import tracemalloc
from contextlib import contextmanager
from datetime import date

import orjson
import pytest

from tickstock_dagster.adapters.sources.massive import exchange
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import (
    MalformedAnswerError,
    NotEntitledError,
    NotPublishedYetError,
    OutOfHistoryError,
    RejectedRequestError,
    UpstreamError,
)
from tickstock_dagster.adapters.sources.rate_limit import LocalRateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy
from tickstock_dagster.core.loading.vendor_plans import vendor_plan
from tickstock_dagster_tests.adapters.sources.raw_vendor import (
    bomb,
    drips,
    raw_vendor,
    sends,
    stalls,
    twice_packed,
    whole,
)
from tickstock_dagster_tests.adapters.sources.scripted_vendor import Reply, bars, scripted_vendor

MON = date(2026, 1, 5)
STARTER = vendor_plan("starter")
TWICE = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.002, jitter=0.001, rate_window=0.001)
GOOD = orjson.dumps(bars())
PACKED = "Content-Encoding: gzip\r\n"


@contextmanager
def source_on(url, **options):
    options.setdefault("attempt_seconds", 0.5)
    source = MassiveSource("key", url, STARTER, LocalRateLimiter(STARTER), policy=TWICE, **options)
    yield source
    source.close()


def ask(source):
    return source.range_bars("ABCD", MON, MON)


ANSWER = whole(GOOD)
BODY_AT = ANSWER.index(b"\r\n\r\n") + 4


@pytest.mark.parametrize(
    "answer",
    [
        drips(ANSWER, pause=0.02),
        drips(ANSWER, pause=0.02, first=20),
        drips(ANSWER, pause=0.02, first=BODY_AT),
        drips(ANSWER.replace(b"Connection: close\r\n", b""), pause=0.02, first=BODY_AT),
        drips(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, pause=0.02),
        stalls(ANSWER[: BODY_AT + 10], seconds=2),
        stalls(b"", seconds=2),
    ],
    ids=["status", "headers", "body", "body kept alive", "continue", "stalled body", "silence"],
)
def test_a_drip_ends_at_the_attempts_deadline_and_is_asked_for_again(answer):
    with raw_vendor(answer) as vendor, source_on(vendor.url) as source:
        begun = time.monotonic()
        with pytest.raises(UpstreamError, match=r"bars of ABCD .*: the vendor did not end its answer within 0.5 s$"):
            ask(source)
        assert 1.0 <= time.monotonic() - begun < 2.5
        assert [call.outcome for call in source.drain_calls()] == ["UpstreamError"] * 2
        assert len(vendor.requests) == 2


def test_a_handshake_that_never_comes_ends_at_the_deadline():
    with raw_vendor(sends(b"")) as vendor, source_on(vendor.url.replace("http:", "https:")) as source:
        begun = time.monotonic()
        with pytest.raises(UpstreamError, match=r"the vendor did not end its answer within 0.5 s$"):
            ask(source)
        assert time.monotonic() - begun < 2.5


def test_words_that_drip_are_given_up_and_the_status_is_told():
    head = b"HTTP/1.1 503 Busy\r\nContent-Length: 90\r\n\r\n"
    slow = drips(head + b"x" * 90, pause=0.02, first=len(head))
    with raw_vendor(slow) as vendor, source_on(vendor.url) as source:
        begun = time.monotonic()
        with pytest.raises(UpstreamError, match="the vendor answered 503: without a word"):
            ask(source)
        assert time.monotonic() - begun < 2.5


def test_a_drip_that_passes_costs_a_second_attempt_only():
    with raw_vendor(drips(ANSWER, pause=0.02), sends(ANSWER)) as vendor, source_on(vendor.url) as source:
        assert ask(source).height == 1


def test_a_connection_in_time_is_kept_and_no_timer_or_handle_is_left():
    with scripted_vendor() as vendor, source_on(vendor.url, attempt_seconds=0.3) as source:
        for _ in range(5):
            assert ask(source).height == 1
        time.sleep(0.4)  # timers of finished attempts leave the kept connection alone
        assert ask(source).height == 1
        [pool] = source._http._pool._pool.pools._container.values()
        assert pool.num_connections == 1
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


@pytest.mark.parametrize(
    "packed",
    [lambda: bomb(3 * 2**30 // 8), lambda: gzip.compress(bomb(2**26))],
    ids=["bomb", "bomb in a packet"],
)
def test_a_body_that_unpacks_beyond_the_bound_is_refused_with_little_memory(packed):
    body = whole(packed(), headers=PACKED)
    assert len(body) < 2e6
    with raw_vendor(sends(body)) as vendor, source_on(vendor.url, attempt_seconds=20) as source:
        tracemalloc.start()
        with pytest.raises(MalformedAnswerError, match=r"its body is larger than 16 MiB|cut or not JSON"):
            ask(source)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 100 * 2**20


@pytest.mark.parametrize(
    ("body", "headers", "words"),
    [
        (bytes(17 * 2**20), "", "its body is larger than 16 MiB"),
        (twice_packed(2**26), "Content-Encoding: gzip, gzip\r\n", "packed in a way that was not asked for"),
        (GOOD, "Content-Encoding: br\r\n", "packed in a way that was not asked for"),
        (gzip.compress(GOOD)[:-9], PACKED, "cut or garbled on the way"),
        (b"junk", PACKED, "cut or garbled on the way"),
        (gzip.compress(b"")[:20] * 900_000, PACKED, "its body is larger than 16 MiB"),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_malformed(body, headers, words):
    with raw_vendor(sends(whole(body, headers=headers))) as vendor, source_on(vendor.url, attempt_seconds=20) as source:
        with pytest.raises(MalformedAnswerError, match=words):
            ask(source)
        assert [call.status for call in source.drain_calls()] == [200, 200]


@pytest.mark.parametrize(
    "body", [gzip.compress(GOOD), gzip.compress(GOOD[:50]) + gzip.compress(GOOD[50:])], ids=["one member", "two"]
)
def test_a_packed_body_is_unpacked(body):
    with raw_vendor(sends(whole(body, headers=PACKED))) as vendor, source_on(vendor.url) as source:
        assert ask(source).height == 1


def test_the_words_of_a_refusal_are_read_to_a_bound():
    body = b"<title>" * 10_000_000
    with (
        raw_vendor(sends(whole(body, status="500 Oops"))) as vendor,
        source_on(vendor.url, attempt_seconds=9) as source,
    ):
        begun = time.monotonic()
        with pytest.raises(UpstreamError, match="the vendor answered 500") as caught:
            ask(source)
        assert time.monotonic() - begun < 5
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
        b"HTTP/9.9 banana\r\n\r\n",
        b"\x00\x01\x02",
        b"",
    ],
)
def test_a_broken_exchange_is_told_in_words(head):
    with (
        raw_vendor(sends(head)) as vendor,
        source_on(vendor.url) as source,
        pytest.raises((UpstreamError, MalformedAnswerError), match=r"^massive: bars of ABCD ") as caught,
    ):
        ask(source)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused(status):
    with scripted_vendor() as elsewhere, scripted_vendor() as vendor, source_on(vendor.url) as source:
        vendor.replies = [Reply(status=status, headers={"Location": f"{elsewhere.url}/v2/x"})]
        with pytest.raises(RejectedRequestError, match="redirects are not followed"):
            ask(source)
        assert elsewhere.paths == []


@pytest.mark.parametrize("next_url", ["http://[::1?c", "http://127.0.0.2:1/v2/x?cursor=1", "http://h:port/x?c=1"])
def test_a_next_page_elsewhere_is_malformed_and_no_request_leaves(next_url):
    with scripted_vendor() as vendor, source_on(vendor.url) as source:
        vendor.replies = [Reply(bars(next_url=next_url))] * 2
        with pytest.raises(MalformedAnswerError, match=r"bars of ABCD .*: the answer cannot be used: next_url '"):
            ask(source)
        assert len(vendor.paths) == 2


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("You are not entitled to this data. Please upgrade your plan", NotEntitledError),
        ("Your plan doesn't include this data timeframe. Please upgrade your plan", OutOfHistoryError),
        ("Attempted to request today's data before end of day", NotPublishedYetError),
    ],
)
def test_a_200_whose_body_refuses_is_a_refusal_and_not_asked_again(message, kind):
    with scripted_vendor() as vendor, source_on(vendor.url) as source:
        vendor.replies = [Reply({"status": "NOT_AUTHORIZED", "request_id": "1", "message": message})]
        with pytest.raises(kind, match=f"massive: bars of ABCD .*the vendor answered 200 and refuses: {message[:20]}"):
            ask(source)
        assert len(vendor.paths) == 1


def test_what_no_reader_foresaw_ends_its_answer_in_words(monkeypatch, caplog):
    def surprised(*_arguments, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr("tickstock_dagster.adapters.sources.massive.bars.range_page", surprised)
    with (
        scripted_vendor() as vendor,
        source_on(vendor.url) as source,
        caplog.at_level(logging.INFO),
        pytest.raises(MalformedAnswerError, match="cannot be used: ZeroDivisionError on reading it"),
    ):
        ask(source)
    assert "Traceback" not in caplog.text


def test_the_bound_is_above_the_largest_answers():
    assert 2 * len(orjson.dumps(bars(results=bars()["results"] * 50_000))) < exchange.MAX_BODY
