"""The official Massive client as this project uses it: for its endpoints and its connection pool.

Its retries are off and its decoding is unused: it turns a broken body into an empty list, retries within 0.7 s where a
minute is needed, and loses the status of a refusal. `adapters.sources.massive.http` does all that instead.
"""

import logging
import threading
from typing import Any
from urllib.parse import urlsplit

import urllib3
from massive import RESTClient

from tickstock_dagster.core.errors import ConfigurationError

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
"""Seconds; the whole market's day is about 1.5 MB."""

# Importing the client makes its logger write to stdout, which scripts read.
logging.getLogger("RESTClient").handlers.clear()


class RememberingPool:
    """The client's connection pool, keeping each thread's last exchange: the client's errors carry no status."""

    def __init__(self, pool: urllib3.PoolManager) -> None:
        self._pool = pool
        self.last = threading.local()

    def forget(self) -> None:
        """Forget this thread's last exchange."""
        self.last.path = ""
        self.last.response = None

    def request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """Make one exchange. It follows no redirects, which would carry the key elsewhere."""
        self.last.path = urlsplit(url).path
        response = self._pool.request(method, url, redirect=False, retries=False, **options)
        self.last.response = response
        return response

    def clear(self) -> None:
        """Close the idle connections."""
        self._pool.clear()


def check_api_key(api_key: str) -> str:
    """The key, if an HTTP header can carry it.

    Raises:
        ConfigurationError: it is empty, or has characters that would end up in an error of the HTTP library.
    """
    if not api_key or not all("!" <= letter <= "~" for letter in api_key):
        raise ConfigurationError("MASSIVE_API_KEY is not accepted: letters, digits and signs, without blanks")
    return api_key


def check_base_url(base_url: str) -> str:
    """The address without a slash at its end.

    Raises:
        ConfigurationError: not http(s)://host[:port][/path].
    """
    parts = urlsplit(base_url)
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise ConfigurationError("MASSIVE_BASE_URL is not accepted: http://host[:port] or https://host, nothing more")
    return base_url.rstrip("/")


def build_client(
    api_key: str, base_url: str, *, threads: int, read_timeout: float
) -> tuple[RESTClient, RememberingPool]:
    """A client for up to `threads` requests at once, and the pool that remembers its exchanges.

    Args:
        api_key: checked by `check_api_key`; given explicitly, since the client's default reads the environment.
        base_url: checked by `check_base_url`.
        threads: connections kept.
        read_timeout: seconds without a byte after which a request has failed.
    """
    client = RESTClient(
        api_key=api_key,
        base=base_url,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        connection_pool_kw={"retries": False, "maxsize": threads},
    )
    client.client = pool = RememberingPool(client.client)
    return client, pool
