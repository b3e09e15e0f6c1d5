"""A loopback server between our client and the simulator that changes answers on the way."""

import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError

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
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

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

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    vendor = TamperingVendor(f"http://127.0.0.1:{server.server_address[1]}", upstream, change)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
