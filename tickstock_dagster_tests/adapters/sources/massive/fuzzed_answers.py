"""Answers of the vendor, damaged by seed: what is sent, and which rows of it must survive."""

import gzip
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any

import orjson

from tickstock_dagster_tests.adapters.sources.raw_vendor import Answer, bomb, drips, sends, stalls, whole

MON = date(2026, 1, 5)
MON_T, DAY_MS = 1767589200000, 86_400_000
DAYS = [number for number in range(40) if (MON + timedelta(days=number)).weekday() < 5]
TICKERS = [f"T{number}" for number in range(25)]
STAMP = 1795212000000000000

ODD = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400, "[]", "{}", "[1.5,[],[]]", '{"a":[{}]}', "true",
    "false", "null", '""', '" "', '"x"', '"1.5"', '"\\u0000"', '"\\u0000HTLP^"', '"\\ud800"', '"\\u202e"', '"\x01"',
    '"' + "Z" * 5000 + '"', "-1", "-0.0", "1e-300", "18446744073709551616", "[" * 60 + "]" * 60, '"2026-02-30"',
    '"N/A"',
)  # fmt: skip
"""JSON of values that no field has, most of which no strict parser accepts."""


@cache
def _bomb() -> bytes:
    return bomb(2**28)


@dataclass(frozen=True)
class Endpoint:
    """One question: rows by a key, the field that holds it, and the envelope around them."""

    name: str
    key: str
    rows: Callable[[], list[dict[str, Any]]]
    envelope: dict[str, Any]
    count: str | None
    untouched: tuple[str, ...] = ()
    """Fields whose damage costs more than the row, by design."""


def _bar(**fields: Any) -> dict[str, Any]:
    return {"o": 10.1, "h": 10.6, "l": 10.0, "c": 10.5, "v": 1250.25, "vw": 10.3, "n": 8, **fields}


def _ranges() -> list[dict[str, Any]]:
    return [_bar(t=MON_T + number * DAY_MS) for number in DAYS]


def _grouped() -> list[dict[str, Any]]:
    return [_bar(T=ticker, t=MON_T + 16 * 3_600_000) for ticker in TICKERS]


def _listings() -> list[dict[str, Any]]:
    return [
        {"ticker": ticker, "name": "A", "market": "stocks", "type": "CS", "primary_exchange": "XNAS", "active": True}
        for ticker in TICKERS
    ]


def _splits() -> list[dict[str, Any]]:
    facts = {"execution_date": "2026-01-05", "split_from": 1, "split_to": 2, "adjustment_type": "forward_split"}
    return [{"id": f"S{ticker}", "ticker": ticker, **facts} for ticker in TICKERS]


def _dividends() -> list[dict[str, Any]]:
    facts = {"ex_dividend_date": "2026-01-05", "cash_amount": 0.25, "currency": "USD", "distribution_type": "recurring"}
    return [{"id": f"D{ticker}", "ticker": ticker, **facts} for ticker in TICKERS]


def _profiles() -> list[dict[str, Any]]:
    facts = {"processed_date": "2026-01-05", "effective_date": "2026-01-05", "aum": 1e9, "net_expenses": 0.09}
    return [{"composite_ticker": ticker, **facts} for ticker in TICKERS]


def _values() -> list[dict[str, Any]]:
    return [{"ticker": ticker, "fmv": 10.5, "fmv_last_updated": STAMP} for ticker in TICKERS]


OK = {"status": "OK", "request_id": "1"}
BARS = {**OK, "adjusted": False, "queryCount": 1}
ENDPOINTS = (
    Endpoint("range", "t", _ranges, {**BARS, "ticker": "ABCD"}, "resultsCount"),
    Endpoint("grouped", "T", _grouped, BARS, "resultsCount"),
    Endpoint("listings", "ticker", _listings, OK, "count"),
    Endpoint("splits", "ticker", _splits, OK, None),
    Endpoint("dividends", "ticker", _dividends, OK, None),
    Endpoint("profiles", "composite_ticker", _profiles, OK, "count"),
    Endpoint("values", "ticker", _values, OK, "count"),
)


@dataclass
class Case:
    """One damaged answer: what the server does, and the keys of the rows that must come back (None: none need)."""

    number: int
    kind: str
    endpoint: Endpoint
    answer: Answer
    survivors: set[Any] | None = field(default=None)


def case(seed: int, number: int, elsewhere: str) -> Case:
    """The answer of a seed and a number, always the same; `elsewhere` is the address that nobody may ask."""
    chance = random.Random(f"{seed}/{number}")
    endpoint = chance.choice(ENDPOINTS)
    kind = chance.choices(list(KINDS), weights=[weight for weight, _ in KINDS.values()])[0]
    made = KINDS[kind][1](chance, endpoint, elsewhere)
    answer, survivors = made if isinstance(made, tuple) else (made, None)
    return Case(number, kind, endpoint, answer, survivors)


def _body(endpoint: Endpoint, rows: list[Any], **changed: Any) -> bytes:
    counted = {endpoint.count: len(rows)} if endpoint.count else {}
    return orjson.dumps({**endpoint.envelope, **counted, "results": rows, **changed})


def _sent(chance: random.Random, body: bytes) -> Answer:
    """A good way of sending a body: plain, packed, in chunks, in pieces."""
    way = chance.randrange(4)
    if way == 0:
        return sends(whole(gzip.compress(body, 1), headers="Content-Encoding: gzip\r\n"))
    if way == 1:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        size = chance.randrange(1, 4000)
        chunks = (body[at : at + size] for at in range(0, len(body), size))
        return sends(head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n")
    return sends(whole(body))


def _odd_values(chance: random.Random, endpoint: Endpoint, _elsewhere: str) -> tuple[Answer, set[Any]]:
    rows = endpoint.rows()
    keys = [row[endpoint.key] for row in rows]
    odd: dict[str, str] = {}
    hit = chance.sample(range(len(rows)), chance.randrange(1, 5))
    for position in hit:
        for name in chance.sample(sorted(rows[position]), chance.randrange(1, 3)):
            mark = f"@{len(odd)}@"
            odd[mark] = chance.choice(ODD)
            rows[position][name] = mark
    body = _body(endpoint, rows)
    for mark, text in odd.items():
        body = body.replace(f'"{mark}"'.encode(), text.encode("utf-8", "surrogatepass"))
    if chance.random() < 0.1:
        body = body.replace(b"Z" * 20, b"\xff\xfe\x80", 1)
    return _sent(chance, body), {key for position, key in enumerate(keys) if position not in hit}


def _odd_rows(chance: random.Random, endpoint: Endpoint, _elsewhere: str) -> tuple[Answer, set[Any]]:
    rows: list[Any] = list(endpoint.rows())
    keys = {row[endpoint.key] for row in rows}
    for _ in range(chance.randrange(1, 4)):
        odd = chance.choice([None, 7, "text", [], [[]], True, {}, {"unknown": 1}, 1.5])
        rows.insert(chance.randrange(len(rows) + 1), odd)
    return _sent(chance, _body(endpoint, rows)), keys


def _lacking(chance: random.Random, endpoint: Endpoint, _elsewhere: str) -> tuple[Answer, set[Any]]:
    rows = endpoint.rows()
    keys = [row[endpoint.key] for row in rows]
    hit = chance.sample(range(len(rows)), chance.randrange(1, 6))
    for position in hit:
        del rows[position][chance.choice(sorted(rows[position]))]
    return _sent(chance, _body(endpoint, rows)), {key for at, key in enumerate(keys) if at not in hit}


def _untouched(chance: random.Random, endpoint: Endpoint, _elsewhere: str) -> tuple[Answer, set[Any]]:
    rows = endpoint.rows()
    return _sent(chance, _body(endpoint, rows)), {row[endpoint.key] for row in rows}


def _envelope(chance: random.Random, endpoint: Endpoint, elsewhere: str) -> Answer:
    urls = [
        f"{elsewhere}/v2/x?cursor=1",
        "http://[::1?c",
        "//x/y?z",
        "ftp://massive.com/x?c=1",
        "http://h:p/x?c=1",
        7,
        [],
    ]
    name = chance.choice(["status", "results", "next_url", "next_url", "ticker", "adjusted", "resultsCount", "count"])
    value = chance.choice(urls) if name == "next_url" else None
    mark = {} if name == "next_url" else {name: "@0@"}
    body = _body(endpoint, endpoint.rows(), **({name: value} if name == "next_url" else mark))
    return _sent(chance, body.replace(b'"@0@"', chance.choice(ODD).encode("utf-8", "surrogatepass")))


def _bytes(chance: random.Random, endpoint: Endpoint, _elsewhere: str) -> Answer:
    body = bytearray(_body(endpoint, endpoint.rows()))
    for _ in range(chance.randrange(1, 20)):
        at = chance.randrange(len(body))
        way = chance.randrange(3)
        if way == 0:
            body[at] = chance.randrange(256)
        elif way == 1:
            del body[at : at + chance.randrange(1, 40)]
            body += b" "
        else:
            body[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 20)))
    return _sent(chance, bytes(body[: chance.randrange(1, len(body))] if chance.random() < 0.3 else body))


def _sizes(chance: random.Random, endpoint: Endpoint, _elsewhere: str) -> Answer:
    body = _body(endpoint, endpoint.rows())
    packed = "Content-Encoding: gzip\r\n"
    return chance.choice(
        [
            lambda: sends(whole(_bomb(), headers=packed)),
            lambda: sends(whole(gzip.compress(_bomb()), headers="Content-Encoding: gzip, gzip\r\n")),
            lambda: sends(whole(body + b" " * 2**24)),
            lambda: sends(whole(b'{"status":"OK","results":[' + b"{}," * 2_000_000 + b"{}]}")),
            lambda: sends(whole(b"[" * 5_000_000)),
            lambda: sends(whole(gzip.compress(body)[:-12], headers=packed)),
            lambda: sends(whole(body, headers=packed)),
            lambda: sends(whole(body, headers="Content-Encoding: br\r\n")),
            lambda: sends(whole(body)[:-40]),
            lambda: sends(whole(b"")),
        ]
    )()


def _drip(chance: random.Random, endpoint: Endpoint, _elsewhere: str) -> Answer:
    text = whole(_body(endpoint, endpoint.rows()))
    first = chance.choice([0, 10, 40, 200])
    return chance.choice([drips(text, pause=0.02, first=first), stalls(text[:first], seconds=1.2)])


def _refusal(chance: random.Random, _endpoint: Endpoint, elsewhere: str) -> Answer:
    status = chance.choice([204, 301, 302, 307, 308, 400, 401, 403, 404, 408, 418, 429, 500, 502, 503, 504, 599])
    words = chance.choice(
        [b"", b"<title>x", b'{"error":[[1]]}', b'{"message":"\\u0000"}', b"\xff" * 99, b"<html>" * 99_999]
    )
    retry = chance.choice(["0", "-1", "1e9", "soon", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", "²"])
    headers = f"Location: {elsewhere}/v2/x\r\nRetry-After: {retry}\r\nDate: {retry}\r\n"
    return sends(whole(words, status=f"{status} Odd", headers=headers).decode("latin-1").encode("latin-1", "replace"))


def _wire(chance: random.Random, _endpoint: Endpoint, _elsewhere: str) -> Answer:
    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    head = b"HTTP/1.1 200 OK\r\n"
    texts = [
        b"", b"\x00" * 90, b"HTTP/9.9 what\r\n\r\n", b"HTTP/1.1 99999 x\r\n\r\n", head + b"A: b\r\n" * 300 + b"\r\n",
        head + b"X: " + b"y" * 90_000, head + b"Content-Length: -5\r\n\r\n{}", head + b"Content-Length: x\r\n\r\n{}",
        head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        head + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n{}",
        head + b"Content-Encoding: \xff\r\n\r\n{}", head + b"\r\n" + random.Random(chance.random()).randbytes(300),
    ]  # fmt: skip
    return reset if chance.random() < 0.1 else sends(chance.choice(texts))


KINDS: dict[str, tuple[int, Callable[[random.Random, Endpoint, str], Any]]] = {
    "untouched": (4, _untouched),
    "odd values": (36, _odd_values),
    "odd rows": (10, _odd_rows),
    "lacking fields": (10, _lacking),
    "envelope": (12, _envelope),
    "bytes": (12, _bytes),
    "sizes": (2, _sizes),
    "drips": (2, _drip),
    "refusals": (6, _refusal),
    "wire": (6, _wire),
}
