"""A loopback server that writes bytes as it is told: for drips, bombs and half answers that no HTTP server sends."""

import contextlib
import gzip
import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = Callable[[socket.socket], None]


class RawVendor:
    """Gives `answers` in turn, the last one again and again; keeps the requests' first lines."""

    def __init__(self, server: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        self.answers: list[Answer] = []
        self.requests: list[str] = []
        self.stopping = threading.Event()
        self._server = server

    def serve(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            asked = b""
            while b"\r\n\r\n" not in asked:
                some = connection.recv(65536)
                if not some:
                    return
                asked += some
            self.requests.append(asked.split(b"\r\n", 1)[0].decode())
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            answer(connection)


@contextmanager
def raw_vendor(*answers: Answer) -> Iterator[RawVendor]:
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    vendor = RawVendor(server)
    vendor.answers = list(answers)
    thread = threading.Thread(target=vendor.serve, daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        vendor.stopping.set()
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def whole(body: bytes, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n".encode() + body


def sends(text: bytes) -> Answer:
    """Send it all and close."""
    return lambda connection: connection.sendall(text)


def drips(text: bytes, *, pause: float, first: int = 0) -> Answer:
    """Send `first` bytes at once, then one byte after each pause."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(text[:first])
        for position in range(first, len(text)):
            time.sleep(pause)
            connection.sendall(text[position : position + 1])

    return answer


def stalls(text: bytes, *, seconds: float) -> Answer:
    """Send it, then nothing, with the connection open."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(text)
        time.sleep(seconds)

    return answer


def bomb(size: int) -> bytes:
    """`size` zeros, packed to a thousandth: one packed MiB again and again, since packing all of them takes seconds."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece, many = bytes(2**20), size // 2**20
    packed = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    check = 0
    for _ in range(many):
        check = zlib.crc32(piece, check)
    header = gzip.compress(b"")[:10]
    return header + packed * many + packer.flush() + struct.pack("<II", check, many * len(piece))


def twice_packed(size: int) -> bytes:
    return gzip.compress(bomb(size), 9)
