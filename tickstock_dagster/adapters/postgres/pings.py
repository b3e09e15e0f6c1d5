"""Whether a pooled connection still lives, seen without asking the server for each use."""

import select
import time
from typing import Any
from weakref import WeakKeyDictionary

ASK_AFTER = 30.0
"""Seconds after which a connection is asked all the same: between two machines it may have been lost in silence."""


def ask_seldom(engine: Any) -> None:
    """Have a SQLAlchemy engine with `pool_pre_ping` ask the server only where there is reason to.

    The server says nothing to a connection that rests, but when it ends it: with a message, or by closing the socket,
    which the kernel does even for a server that was killed. To see that nothing has come takes no round trip.
    """
    asks = engine.dialect.do_ping
    seen: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def do_ping(connection: Any) -> bool:
        now = time.monotonic()
        if now - seen.get(connection, -ASK_AFTER) < ASK_AFTER and _is_silent(connection):
            return True
        seen[connection] = now
        return bool(asks(connection))

    engine.dialect.do_ping = do_ping


def _is_silent(connection: Any) -> bool:
    try:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0)
    except Exception:  # noqa: BLE001 - a closed one, in the words of either driver: asking tells
        return False
