"""Making what stays to the end of the command, without looking for garbage in it. Not a command."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept() -> Iterator[None]:
    """Import modules and build definitions: looking through them for garbage is a tenth of a short command's time.

    What is there at the end is never looked through again. May be nested.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.freeze()
            gc.enable()
