"""A loopback server between our client and the simulator that changes answers on the way."""

import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.error import HTTPError

from tickstock_dagster_tests.adapters.sources.loopback import Quiet, serving

Change = Callable[[str, bytes], bytes]
"""From path and body of an answer to the body that is sent."""


class TamperingVendor:
    """Passes every request on to `upstream`; `change` may be replaced at any time."""

    def __init__(self, url: str, upstream: str, change: Change) -> None:
        self.url = url
        self.upstream = upstream
        self.change = change


@contextmanager
def tampering_vendor(upstream: str, change: Change = lambda _path, body: body) -> Iterator[TamperingVendor]:
    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {"Authorization": self.headers.get("Authorization", "")}
            request = urllib.request.Request(vendor.upstream + self.path, headers=headers)  # noqa: S310 - loopback
            try:
                with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - loopback
                    status, body = reply.status, vendor.change(self.path, reply.read())
            except HTTPError as error:
                status, body = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        vendor = TamperingVendor(url, upstream, change)
        yield vendor
