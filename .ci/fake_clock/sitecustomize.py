"""For every Python that runs under `faketime` with the monotonic clock left alone: sleeping works.

Python sleeps until a moment of the monotonic clock; libfaketime takes that for a moment of the fake clock and shifts it
into the past: EINVAL. Waiting for nothing to become readable takes a duration and no clock.
"""

import select
import time


def sleep(seconds: float, /) -> None:
    """As `time.sleep`."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


time.sleep = sleep
