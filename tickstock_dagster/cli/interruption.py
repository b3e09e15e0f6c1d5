"""Ctrl-C and SIGTERM: whatever a command is doing, it ends with one line and the exit code that shells expect.

The first signal raises `KeyboardInterrupt` where Python is, so that transactions are rolled back and leases given back.
Python may be in a library that does not return, Dagster catches signals in its own way, and calls of a vendor that are
under way are waited for: so a thread ends the process when it still lives after `GRACE` seconds, or at the second
signal. That is safe: leases end with their process, and the next command reports its run as failed.

Imports nothing that takes time: it stands before every command.
"""

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

GRACE = 5.0
"""Seconds for an orderly end."""

WORDS = "tickstock: interrupted; run it again to continue"

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """What signals have come.

    Attributes:
        number: the first signal; None where none has come.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._told = False
        self._telling = threading.Lock()

    @property
    def exit_code(self) -> int:
        """128 and the signal's number; Ctrl-C's where no signal has come."""
        return 128 + (self.number or signal.SIGINT)

    def tell(self) -> None:
        """Say it once; who comes second waits, since the process may end when it goes on."""
        with self._telling:
            if not self._told:
                print(WORDS, file=sys.stderr, flush=True)
                self._told = True

    def end_process(self) -> None:
        """End at once: what is left to wait for are threads that ask the vendor."""
        self.tell()
        sys.stdout.flush()
        os._exit(self.exit_code)


_current: Interruption | None = None


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Handle both signals while the block runs; what handled them before does so again afterwards.

    A signal that is ignored stays so, as of a command in the background of a script.
    """
    global _current  # noqa: PLW0603  # signals belong to the process
    state = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield state
        return

    def interrupt(number: int, _frame: FrameType | None) -> None:
        state.number = state.number or number
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    # The kernel's numbers arrive here whoever has replaced the handlers meanwhile, and while no handler can run.
    former = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading, state), name="signals", daemon=True).start()
    _current = state
    try:
        yield state
    finally:
        _current = None
        signal.set_wakeup_fd(former)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)


def interrupted() -> bool:
    """Whether a signal has come that this command was to end at."""
    return _current is not None and _current.number is not None


def handle_yourself() -> None:
    """Leave both signals to the caller's own handlers: for services, whose usual end they are."""
    if _current is not None:
        signal.set_wakeup_fd(-1)


def _watch(reading: int, state: Interruption) -> None:
    """Wait for the first signal, then for an orderly end, the second signal, or the end of patience."""
    try:
        if first := _next(reading):
            state.number = state.number or first
            ready, _, _ = select.select([reading], [], [], GRACE)
            if not ready or _next(reading):
                state.end_process()
    finally:
        os.close(reading)


def _next(reading: int) -> int | None:
    """The next signal to end at; None where no more can come."""
    while byte := os.read(reading, 1):
        if byte[0] in _SIGNALS:
            return byte[0]
    return None
