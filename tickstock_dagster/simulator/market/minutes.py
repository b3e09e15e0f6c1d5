"""One-minute bars drawn from a daily bar: together they have its open, high, low and close.

Deterministic by ticker and day. Their volumes sum to a little less than the day's, as the vendor's do; a minute
without a trade has no bar. Regular hours only.
"""

from collections.abc import Iterator
from datetime import timedelta
from math import isfinite

import numpy as np

from tickstock_dagster.core.bars.daily_bars import MAX_VOLUME
from tickstock_dagster.simulator.market.securities import generator
from tickstock_dagster.simulator.market.sessions import Sessions
from tickstock_dagster.simulator.market.tape import PRICES, Printed
from tickstock_dagster.simulator.wire import millis

_SHARE_OF_DAY = 0.97
_WIDTH = 0.25
_DECIMALS = 4


def minute_rows(bar: Printed, calendar: Sessions) -> Iterator[dict[str, float | int | None]]:
    """The minutes of `bar`'s session, in the vendor's keys; `t` is the minute's start in Unix ms.

    A day without a session, or a bar with a number that is none, has none. Of a volume beyond any market's, which the
    day's bar shows as the file has it, the minutes share the most that there can be.
    """
    numbers = [bar.fields.get(name) for name in (*PRICES, "v")]
    if not calendar.is_session(bar.day) or any(number is None or not isfinite(number) for number in numbers):
        return
    opening, high, low, close, volume = (float(number or 0) for number in numbers)
    volume = min(volume, MAX_VOLUME)
    opens_at = calendar.opens_at(bar.day)
    count = int((calendar.closes_at(bar.day) - opens_at) / timedelta(minutes=1))
    random = generator(0, f"minutes:{bar.ticker}:{bar.day}")

    walk = np.cumsum(random.standard_normal(count)) / np.sqrt(count)
    steps = np.arange(1, count + 1) / count
    path = opening + (close - opening) * steps + (walk - walk[-1] * steps) * (high - low) * _WIDTH * 2
    path = np.clip(path, low, high)
    peak, bottom = random.choice(np.arange(1, count - 1), 2, replace=False)
    path[peak], path[bottom], path[-1] = high, low, close
    path = np.round(path, _DECIMALS)
    starts = np.concatenate([[opening], path[:-1]])
    tops, bottoms = np.maximum(starts, path), np.minimum(starts, path)

    crowd = (1 + 3 * (2 * steps - 1) ** 2) * np.exp(0.4 * random.standard_normal(count))
    shares = np.floor(crowd / crowd.sum() * volume * _SHARE_OF_DAY)
    first = millis(opens_at)
    for minute in np.flatnonzero(shares).tolist():
        yield {
            "v": int(shares[minute]),
            "vw": round(float(tops[minute] + bottoms[minute]) / 2, _DECIMALS),
            "o": float(starts[minute]),
            "c": float(path[minute]),
            "h": float(tops[minute]),
            "l": float(bottoms[minute]),
            "t": first + minute * 60_000,
            "n": max(1, int(shares[minute]) // 110),
        }
