"""A loopback HTTP server that gives prepared answers: for what a vendor does that the simulator does not."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import orjson

from tickstock_dagster_tests.adapters.sources.loopback import Quiet, serving

MIDNIGHT = 1767589200000
"""2026-01-05 00:00 in New York."""


@dataclass
class Reply:
    """One prepared answer; `payload` is sent as JSON, or as it is where it is bytes."""

    payload: object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    missing_bytes: int = 0

    @property
    def body(self) -> bytes:
        return self.payload if isinstance(self.payload, bytes) else orjson.dumps(self.payload)


class ScriptedVendor:
    """Gives `replies` in turn, then answers every bars call well; keeps what was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: list[Reply] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self._lock = threading.Lock()

    def reply_to(self, path: str, headers: dict[str, str]) -> Reply:
        with self._lock:
            self.paths.append(path)
            self.headers.append(headers)
            return self.replies.pop(0) if self.replies else Reply(bars(path.split("/")[4]))


def bars(ticker: str = "ABCD", **changed: object) -> dict[str, object]:
    row = {"o": 10.1, "h": 10.6, "l": 10.0, "c": 10.5, "v": 1250000.0, "vw": 10.34, "n": 8123, "t": MIDNIGHT}
    answer = {"ticker": ticker, "adjusted": False, "queryCount": 1, "resultsCount": 1, "status": "OK", "results": [row]}
    return {**answer, **changed}


@contextmanager
def scripted_vendor() -> Iterator[ScriptedVendor]:
    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = vendor.reply_to(self.path, dict(self.headers))
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + reply.missing_bytes))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = bool(reply.missing_bytes)

    with serving(Handler) as url:
        vendor = ScriptedVendor(url)
        yield vendor
