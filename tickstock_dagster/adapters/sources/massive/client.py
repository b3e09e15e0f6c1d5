"""The official Massive client as this project uses it: for its endpoints and its connection pool.

Its retries are off and its decoding is unused: it turns a broken body into an empty list, retries within 0.7 s where a
minute is needed, and loses the status of a refusal. `adapters.sources.massive.http` does all that instead.

It is imported with the first request: a fifth of `import dagster`, for a source that is asked for nothing.
"""

import logging
import re
import threading
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from tickstock_dagster.adapters.sources.massive.exchange import (
    BOUNDED_POOLS,
    Attempt,
    Exchange,
    read_exchange,
)
from tickstock_dagster.core.errors import BadInputError, ConfigurationError

if TYPE_CHECKING:
    from massive import RESTClient

CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
"""Seconds without a byte; the whole market's day is about 1.5 MB."""

ATTEMPT_SECONDS = 60.0
"""Seconds for one request from its first byte to the answer's last: a vendor that drips never ends otherwise."""

ACCEPTED_URL = "http://host[:port] or https://host[:port], with a path at most"

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_SECRETS = re.compile(r"(?<=//)[^/@]*@|(?<=[?#]).*", re.DOTALL)


class RememberingPool:
    """The client's connection pool, keeping each thread's last exchange: the client's errors carry no status."""

    def __init__(self, pool: urllib3.PoolManager, seconds: float) -> None:
        pool.pool_classes_by_scheme = BOUNDED_POOLS
        self._pool = pool
        self._seconds = seconds
        self.last = threading.local()

    def forget(self) -> None:
        """Forget this thread's last exchange."""
        self.last.path = ""
        self.last.response = None

    def request(self, method: str, url: str, **options: Any) -> Exchange:
        """Make one exchange, within its time and size. It follows no redirects, which would carry the key elsewhere.

        Raises:
            OverdueError: it was not done in time.
            UnusableBodyError: the body is too large, or garbled.
            urllib3.exceptions.HTTPError: the connection failed.
        """
        self.last.path = urlsplit(url).path
        with Attempt(self._seconds) as attempt:
            response = self._pool.request(method, url, redirect=False, retries=False, preload_content=False, **options)
            # What the server said is known from here on, even where its body fails.
            self.last.response = Exchange(response.status, response.headers, b"")
            self.last.response = read_exchange(response, attempt)
        exchange: Exchange = self.last.response
        return exchange

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
        BadInputError: not http(s)://host[:port][/path]; a password or query in it is not repeated.
    """
    try:
        parts = urlsplit(base_url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        parts, port, host = urlsplit(""), None, ""
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    whole = base_url.isascii() and base_url.isprintable() and " " not in base_url
    is_host = bool(_HOST.fullmatch(host)) or (":" in host and f"[{host}]" in parts.netloc.lower())
    if parts.scheme not in ("http", "https") or not (plain and whole and is_host) or port == 0:
        raise BadInputError("MASSIVE_BASE_URL", _SECRETS.sub("…", base_url)[:200], ACCEPTED_URL)
    return base_url.rstrip("/")


def build_client(
    api_key: str, base_url: str, *, threads: int, read_timeout: float, attempt_seconds: float
) -> "tuple[RESTClient, RememberingPool]":
    """A client for up to `threads` requests at once, and the pool that remembers its exchanges.

    Args:
        api_key: checked by `check_api_key`; given explicitly, since the client's default reads the environment.
        base_url: checked by `check_base_url`.
        threads: connections kept.
        read_timeout: seconds without a byte after which a request has failed.
        attempt_seconds: seconds after which a request has failed, however many bytes came.
    """
    from massive import RESTClient

    # Importing the client makes its logger write to stdout, which scripts read.
    logging.getLogger("RESTClient").handlers.clear()
    client = RESTClient(
        api_key=api_key,
        base=base_url,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        connection_pool_kw={"retries": False, "maxsize": threads},
    )
    client.client = pool = RememberingPool(client.client, attempt_seconds)
    return client, pool


class LazyClient:
    """A client and its pool, as `build_client` makes them for the first request, once for all threads."""

    def __init__(
        self, api_key: str, base_url: str, *, threads: int, read_timeout: float, attempt_seconds: float
    ) -> None:
        self._build = partial(
            build_client,
            *(api_key, base_url),
            threads=threads,
            read_timeout=read_timeout,
            attempt_seconds=attempt_seconds,
        )
        self._lock = threading.Lock()
        self._built: tuple[RESTClient, RememberingPool] | None = None

    def __call__(self) -> "tuple[RESTClient, RememberingPool]":
        """The client and the pool."""
        with self._lock:
            if self._built is None:
                self._built = self._build()
            return self._built

    def close(self) -> None:
        """Close the idle connections, if any was ever opened."""
        if self._built is not None:
            self._built[1].clear()
