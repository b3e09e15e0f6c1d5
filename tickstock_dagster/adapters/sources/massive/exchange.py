"""One HTTP exchange within bounds: a deadline for the whole of it, and a size for its body.

The HTTP library's timeouts end at each byte, so that a server which drips is waited for without end; and it unpacks
whatever comes, so that 1.5 MB on the wire become 3 GB. Here a timer ends the connection at the attempt's deadline,
whether it waits for a status, a header or the body; and the body is read and unpacked in pieces up to `MAX_BODY`.
"""

import contextlib
import socket
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

MAX_BODY = 16 * 2**20
"""Bytes of an answer, packed or unpacked. The largest real one, 5,000 fund profiles, has less than half of it."""

MAX_WORDS = 64 * 2**10
"""Bytes of the body of an error, of which a line is shown."""

_PIECE = 64 * 2**10
_PLAIN, _PACKED = ("", "identity"), ("gzip", "x-gzip")
_UNPACKS_GZIP = 16 + zlib.MAX_WBITS


class OverdueError(Exception):
    """An exchange was not done at its deadline; says how long that was."""


class UnusableBodyError(Exception):
    """A body that cannot be read, in words."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the server answered: the fields of a response that the official client reads."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Attempt:
    """The time of one exchange in its thread; ends the exchange's connection when it is over."""

    _of_thread = threading.local()

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._over = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    @classmethod
    def watch(cls, connection: socket.socket | None) -> None:
        """Let the attempt of this thread, if there is one, end `connection` at its deadline."""
        attempt: Attempt | None = getattr(cls._of_thread, "attempt", None)
        if attempt is not None and connection is not None:
            attempt._take(connection)

    def _take(self, connection: socket.socket | None) -> None:
        # A handle of its own: the HTTP library closes its connection before the body is read where the server will.
        handle = connection.dup() if connection is not None else None
        with self._lock:
            former, self._connection = self._connection, handle
        if former is not None:
            former.close()
        if handle is not None and self.is_over():
            self._end()

    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self._over or time.monotonic() >= self._ends

    def __enter__(self) -> Self:
        Attempt._of_thread.attempt = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._take(None)  # the connection goes back to the pool: a timer that fires now must leave it alone
        Attempt._of_thread.attempt = None
        if isinstance(error, urllib3.exceptions.HTTPError | OSError) and self.is_over():
            raise OverdueError(f"{self.seconds:g} s") from None

    def _end(self) -> None:
        with self._lock:
            self._over = True
            if self._connection is not None:
                with contextlib.suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)


class _Watched:
    """A connection that an attempt can end from outside, in the handshake too: by a second handle of its socket."""

    _handle: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        found: socket.socket = super()._new_conn()  # type: ignore[misc]
        self._handle = found.dup()
        Attempt.watch(self._handle)
        return found

    def request(self, *args: Any, **options: Any) -> None:
        Attempt.watch(self._handle)
        super().request(*args, **options)  # type: ignore[misc]

    def close(self) -> None:
        try:
            super().close()  # type: ignore[misc]
        finally:
            handle, self._handle = self._handle, None
            if handle is not None:
                handle.close()


class _WatchedHTTP(_Watched, HTTPConnection):
    pass


class _WatchedHTTPS(_Watched, HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


BOUNDED_POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _HTTPPool, "https": _HTTPSPool}
"""Connection pools whose connections an `Attempt` can end."""


def read_exchange(response: urllib3.BaseHTTPResponse, attempt: Attempt) -> Exchange:
    """The whole answer, read in pieces. The connection is kept where the answer was read to its end, else closed.

    Of an answer other than 200 only the words matter: it is cut at `MAX_WORDS`, and empty where it cannot be read.

    Raises:
        OverdueError: the attempt's deadline passed.
        UnusableBodyError: the body is larger than `MAX_BODY`, packed in an unknown way, or garbled.
        urllib3.exceptions.HTTPError: the connection failed.
    """
    done = False
    try:
        if response.status == 200:
            data = _read_body(response, attempt)
            done = True
        else:
            data, done = _read_words(response, attempt)
    finally:
        if done:
            response.release_conn()
        else:
            response.close()
    return Exchange(response.status, response.headers, data)


def _read_words(response: urllib3.BaseHTTPResponse, attempt: Attempt) -> tuple[bytes, bool]:
    try:
        data = _read_body(response, attempt, MAX_WORDS, cut=True)
    except (UnusableBodyError, urllib3.exceptions.HTTPError):
        return b"", False
    return data, len(data) < MAX_WORDS


def _read_body(
    response: urllib3.BaseHTTPResponse, attempt: Attempt, limit: int = MAX_BODY, *, cut: bool = False
) -> bytes:
    packing = response.headers.get("Content-Encoding", "").strip().lower()
    if packing not in (*_PLAIN, *_PACKED):
        raise UnusableBodyError("its body is packed in a way that was not asked for")
    unpacked, on_wire = bytearray(), 0
    unpack = _Gunzip(limit) if packing in _PACKED else None
    while piece := response.read1(_PIECE, decode_content=False):
        if attempt.is_over():
            raise OverdueError(f"{attempt.seconds:g} s")
        on_wire += len(piece)
        unpacked += unpack.feed(piece) if unpack else piece
        if len(unpacked) > limit or on_wire > limit:
            if cut:
                return bytes(unpacked[:limit])
            raise UnusableBodyError(f"its body is larger than {limit // 2**20} MiB")
    if attempt.is_over():
        raise OverdueError(f"{attempt.seconds:g} s")
    if unpack and not unpack.is_done():
        raise UnusableBodyError("its body was cut or garbled on the way")
    return bytes(unpacked)


class _Gunzip:
    """Unpacks gzip in pieces, to little more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._left = limit + 1
        self._member = zlib.decompressobj(_UNPACKS_GZIP)
        self._begun = False

    def feed(self, piece: bytes) -> bytes:
        """The bytes that a piece unpacks to, as long as all together are within the limit."""
        out = bytearray()
        while piece and self._left > 0:
            if self._member.eof:  # several members may follow each other
                self._member, self._begun = zlib.decompressobj(_UNPACKS_GZIP), False
            self._begun = True
            try:
                some = self._member.decompress(piece, self._left)
            except zlib.error:
                raise UnusableBodyError("its body was cut or garbled on the way") from None
            out += some
            self._left -= len(some)
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return bytes(out)

    def is_done(self) -> bool:
        """Whether the last member was unpacked to its end."""
        return self._member.eof or not self._begun
