"""The early warning: a score's own control chart over the sessions before.

An exponentially weighted moving average (EWMA) of the session's means, with the weight 0.2 for the newest one. Its
limit is three standard deviations of such an average below the mean of the last 20 sessions (S. W. Roberts, "Control
chart tests based on geometric moving averages", Technometrics 1, 1959): a slow decline is seen before a single session
is out of the ordinary. What a session scores is in `core.quality.scores`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WEIGHT = 0.2
"""Weight of the newest session in the average."""

SIGMAS = 3.0
SESSIONS = 20
"""Sessions before the reported one from which the mean and its spread are taken."""

LEAST_SESSIONS = 10
"""With fewer there is no chart."""

LEAST_SIGMA = 0.05
"""Least standard deviation, in points: scores that never moved may move by a little."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A score's chart on one session, in points.

    Attributes:
        score: price, volume, freshness or overall.
        value: the session's mean over all symbols.
        mean: of the sessions before.
        average: the moving average, the session included.
        limit: below it the score degrades.
        sessions: how many sessions before were looked at.
        change: value − mean of the oldest five of them: the trend.
    """

    score: str
    value: float
    mean: float
    average: float
    limit: float
    sessions: int
    change: float

    @property
    def degrades(self) -> bool:
        """Whether the average has left its limit."""
        return self.average < self.limit


def chart(score: str, before: Sequence[float], value: float) -> Chart | None:
    """The chart of a score; None with fewer than `LEAST_SESSIONS` sessions before.

    Args:
        score: its name.
        before: means of the sessions before, ascending; the last `SESSIONS` count.
        value: the session's.
    """
    history = list(before[-SESSIONS:])
    if len(history) < LEAST_SESSIONS:
        return None
    mean = math.fsum(history) / len(history)
    spread = math.sqrt(math.fsum((one - mean) ** 2 for one in history) / (len(history) - 1))
    average = mean
    for one in [*history, value]:
        average = WEIGHT * one + (1 - WEIGHT) * average
    of_average = max(spread, LEAST_SIGMA) * math.sqrt(WEIGHT / (2 - WEIGHT))
    first = history[:5]
    return Chart(
        score, value, mean, average, mean - SIGMAS * of_average, len(history), value - math.fsum(first) / len(first)
    )
