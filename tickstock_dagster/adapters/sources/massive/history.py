"""Where a key's history begins, found out by what the vendor refuses.

A range that begins a day before the plan's history is refused as a whole, with all that the plan includes. The plan in
the settings may be another than the key's, and its edge moves on at midnight in New York: so a refused range is asked
for from a later day on.
"""

import logging
import threading
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from tickstock_dagster.adapters.sources.protocol import OutOfHistoryError

SLACK = timedelta(days=3)
"""How exactly the edge is found: at most so many days that are served are not asked for."""

logger = logging.getLogger(__name__)

Ask = Callable[[date, date], pl.DataFrame]


class KeyHistory:
    """The first day that one key is served, once a refusal has shown it. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self.begins: date | None = None

    def ask(self, ask: Ask, start: date, end: date) -> pl.DataFrame:
        """The bars of a range, as far as the key's history reaches.

        Args:
            ask: makes the call for a range, and raises `OutOfHistoryError` where the vendor refuses it.
            start: first requested day.
            end: last requested day, included.

        Raises:
            OutOfHistoryError: the whole range lies before the history.
        """
        first = self._inside(start, end)
        try:
            return ask(first, end)
        except OutOfHistoryError as error:
            refusal = error
        if first == end:
            raise refusal
        with self._lock:  # one search is enough for all who were refused meanwhile
            known = self._inside(start, end)
            if known > first:
                return ask(known, end)
            return self._search(ask, first, end, refusal)

    def _inside(self, start: date, end: date) -> date:
        """The first day to ask for."""
        if self.begins is not None and self.begins > end:
            words = f"{self._name}: bars {start}..{end} are not asked for: this key is served from {self.begins} on"
            raise OutOfHistoryError(f"{words}; is MASSIVE_PLAN the key's plan?")
        return max(start, self.begins or start)

    def _search(self, ask: Ask, refused: date, end: date, refusal: OutOfHistoryError) -> pl.DataFrame:
        """The bars from the first day on that is served, found by bisection; one day off is tried first."""
        served, bars = end, None
        for first in dict.fromkeys((min(refused + SLACK, end), end)):
            try:
                bars = ask(first, end)
            except OutOfHistoryError:
                refused = first
            else:
                served = first
                break
        if bars is None:
            raise refusal
        while served - refused > SLACK:
            middle = refused + (served - refused) / 2
            try:
                bars = ask(middle, end)
            except OutOfHistoryError:
                refused = middle
            else:
                served = middle
        self.begins = served
        logger.warning(
            "%s: bars before %s are refused, and asked for from there on; is MASSIVE_PLAN the key's plan?",
            *(self._name, served),
        )
        return bars
