"""Requests to Massive: rate, retries, pages, error types, and the record of every call.

The client underneath is in `adapters.sources.massive.client`; `adapters.sources.massive.envelope` and the modules
beside it read the answers.
"""

import http.client
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import urlsplit

import polars as pl
import urllib3

from tickstock_dagster.adapters.sources.adaptive_rate import AdaptiveRateLimiter
from tickstock_dagster.adapters.sources.massive.client import (
    ATTEMPT_SECONDS,
    READ_TIMEOUT,
    LazyClient,
    RememberingPool,
    check_api_key,
    check_base_url,
)
from tickstock_dagster.adapters.sources.massive.envelope import Page
from tickstock_dagster.adapters.sources.massive.errors import error_for, redact, retry_after_seconds
from tickstock_dagster.adapters.sources.massive.exchange import Exchange, OverdueError, UnusableBodyError
from tickstock_dagster.adapters.sources.protocol import (
    MalformedAnswerError,
    RateLimitedError,
    UpstreamError,
    VendorCall,
    VendorError,
)
from tickstock_dagster.adapters.sources.rate_limit import RateLimiter
from tickstock_dagster.adapters.sources.retry import RetryPolicy, call_with_retry
from tickstock_dagster.core.printable import printable

if TYPE_CHECKING:
    from massive import RESTClient

MAX_PAGES = 500
"""Far above any real list (10,000 tickers are 10 pages): a longer list would not end."""

EXAMPLES = 5
"""How many odd rows of an answer a warning names."""

logger = logging.getLogger(__name__)

Send = Callable[["RESTClient"], object]


class Decoded(Protocol):
    """What a decoder returns."""

    @property
    def rows(self) -> int:
        """Rows in the answer."""

    @property
    def odd(self) -> tuple[str, ...]:
        """What is odd about rows that were set aside or lack a value, a line each."""


D = TypeVar("D", bound=Decoded)


class MassiveHttp:
    """One key's access to the vendor. Thread-safe, for up to `threads` calls at once."""

    def __init__(
        self,
        api_key: str,
        base_url: str,
        limiter: RateLimiter,
        policy: RetryPolicy,
        *,
        name: str,
        threads: int,
        read_timeout: float = READ_TIMEOUT,
        attempt_seconds: float = ATTEMPT_SECONDS,
    ) -> None:
        self.name = name
        self._api_key = check_api_key(api_key)
        base = check_base_url(base_url)
        self.base_path = urlsplit(base).path
        self.hosts = (urlsplit(base).hostname or "",)
        self._limiter = limiter
        self._policy = policy
        self._read_timeout = read_timeout
        self._asked = LazyClient(
            self._api_key, base, threads=threads, read_timeout=read_timeout, attempt_seconds=attempt_seconds
        )
        self._calls: list[VendorCall] = []
        self._calls_lock = threading.Lock()

    @property
    def _client(self) -> "RESTClient":
        return self._asked()[0]

    @property
    def _pool(self) -> RememberingPool:
        return self._asked()[1]

    def get(self, subject: str, send: Send, decode: Callable[[bytes], D]) -> D:
        """One answer, with retries while they may help.

        Args:
            subject: the request as errors name it, e.g. "bars of AAPL 2024-01-02..2024-12-31".
            send: makes the request on the client, always with `raw=True`.
            decode: reads the body of a 200; raises `MalformedAnswerError`.

        Raises:
            VendorError: the error of the last attempt; names vendor, subject and the vendor's words, never the key.
        """
        answer = call_with_retry(
            lambda attempt: self._attempt(attempt, subject, send, decode), policy=self._policy, limiter=self._limiter
        )
        if odd := answer.odd:
            more = f"; and {len(odd) - EXAMPLES} more" if len(odd) > EXAMPLES else ""
            words = redact("; ".join(odd[:EXAMPLES]), self._api_key)
            logger.warning("%s: %s: %d rows with something odd: %s%s", self.name, subject, len(odd), words, more)
        return answer

    def get_pages(self, subject: str, send: Send, decode: Callable[[bytes], Page]) -> pl.DataFrame:
        """All pages of an answer as one frame; all or none.

        Raises:
            MalformedAnswerError: the pages lead in a circle or do not end.
            VendorError: as for `get`.
        """
        page = self.get(subject, send, decode)
        frames, seen = [page.frame], set[str]()
        while (path := page.next_path) is not None:
            if path in seen or len(frames) >= MAX_PAGES:
                raise MalformedAnswerError(f"{self.name}: {subject}: the pages do not end ({len(frames)} read)")
            seen.add(path)
            page = self.get(f"{subject}, page {len(frames) + 1}", _next(path), decode)
            frames.append(page.frame)
        return pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]

    def drain_calls(self) -> list[VendorCall]:
        """The calls recorded since the last drain."""
        with self._calls_lock:
            calls, self._calls = self._calls, []
        return calls

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        self._asked.close()

    def _attempt(self, attempt: int, subject: str, send: Send, decode: Callable[[bytes], D]) -> D:
        called_at, started = time.time(), time.perf_counter()
        outcome, rows = "interrupted", 0
        self._pool.forget()
        try:
            answer = self._exchange(subject, send, decode)
            outcome, rows = "ok", answer.rows
        except Exception as error:
            outcome = type(error).__name__
            raise
        else:
            return answer
        finally:
            response = self._pool.last.response
            call = VendorCall(
                called_at=called_at,
                endpoint=self._pool.last.path.removeprefix(self.base_path),
                status=None if response is None else response.status,
                rows=rows,
                elapsed_ms=(time.perf_counter() - started) * 1000,
                attempt=attempt,
                outcome=outcome,
            )
            with self._calls_lock:
                self._calls.append(call)

    def _exchange(self, subject: str, send: Send, decode: Callable[[bytes], D]) -> D:
        from massive.exceptions import BadResponse

        about = f"{self.name}: {subject}"
        try:
            send(self._client)
        except (BadResponse, UnicodeDecodeError):
            pass  # not a 200: handled below, with status and headers
        except OverdueError as error:
            raise UpstreamError(f"{about}: the vendor did not end its answer within {error}") from None
        except UnusableBodyError as error:
            raise MalformedAnswerError(f"{about}: the answer cannot be used: {error}", status=200) from None
        except urllib3.exceptions.HTTPError as error:
            raise self._broken_exchange(about, error) from None
        response = self._pool.last.response
        if response.status != 200:
            raise self._refusal(about, response)
        found = self._decoded(about, response, decode)
        if isinstance(found, VendorError):
            raise found
        return found

    def _decoded(self, about: str, response: Exchange, decode: Callable[[bytes], D]) -> D | VendorError:
        """What a body says, or the error for it.

        The error is not raised from here: as the cause of another it would keep the whole answer in memory.
        """
        unusable = f"{about}: the answer cannot be used"
        try:
            return decode(response.data)
        except MalformedAnswerError as error:
            return MalformedAnswerError(f"{unusable}: {redact(str(error), self._api_key)}", status=200)
        except VendorError as error:
            return type(error)(f"{about}: {redact(str(error), self._api_key)}", status=200)
        except Exception as error:
            # An answer can hold anything: what no reader foresaw ends this answer, and nothing else.
            logger.debug("%s: a body of %d bytes", about, len(response.data), exc_info=True)
            return MalformedAnswerError(f"{unusable}: {type(error).__name__} on reading it", status=200)

    def _refusal(self, about: str, response: Exchange) -> VendorError:
        # By the vendor's own clock, if it says: ours may be wrong.
        now = retry_after_seconds(response.headers.get("Date"), 0.0) or time.time()
        wait = retry_after_seconds(response.headers.get("Retry-After"), now)
        body = redact(response.data.decode("utf-8", errors="replace"), self._api_key)
        error = error_for(response.status, body, about, retry_after=wait)
        if isinstance(error, RateLimitedError) and error.per_minute and isinstance(self._limiter, AdaptiveRateLimiter):
            error.per_minute = self._limiter.refused_per_minute()
        return error

    def _broken_exchange(self, about: str, error: urllib3.exceptions.HTTPError) -> VendorError:
        if isinstance(error, urllib3.exceptions.DecodeError | urllib3.exceptions.InvalidChunkLength) or any(
            isinstance(cause, http.client.IncompleteRead) for cause in (error, *error.args)
        ):
            return MalformedAnswerError(f"{about}: the answer cannot be used: its body was cut or garbled on the way")
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            return UpstreamError(f"{about}: the vendor did not answer within {self._read_timeout:g} s")
        words = printable(redact(" ".join(str(error).split()), self._api_key), 400)
        return UpstreamError(f"{about}: the vendor cannot be reached: {words}")


def _next(path: str) -> Send:
    # The client follows next_url only where it also decodes, so this uses its plain request.
    return lambda client: client._get(path=path, raw=True)
