"""Corrections of published bars: what an operator of the simulator replaced, removed or scaled. Raw prices only."""

from datetime import date

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ordinals = npt.NDArray[np.int32]

FIELDS = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw", "transactions": "n"}
"""Names in a correction, and the vendor's keys."""


class Corrections:
    """What differs from the market as drawn or read. Applied before adjusting."""

    def __init__(self) -> None:
        self._bars: dict[tuple[str, date], dict[str, float] | None] = {}
        self._scales: dict[date, float] = {}

    def __bool__(self) -> bool:
        return bool(self._bars or self._scales)

    def replace(self, ticker: str, day: date, values: dict[str, float]) -> None:
        """From now on the bar of `ticker` on `day` has `values` (keys of `FIELDS`); others stay as they are."""
        kept = self._bars.get((ticker, day)) or {}
        self._bars[ticker, day] = kept | {FIELDS[name]: float(value) for name, value in values.items()}

    def remove(self, ticker: str, day: date) -> None:
        """From now on `ticker` has no bar on `day`."""
        self._bars[ticker, day] = None

    def scale(self, day: date, factor: float) -> None:
        """From now on every price of `day` is `factor` times what it was, rounded to cents."""
        self._scales[day] = self._scales.get(day, 1.0) * factor

    def clear(self) -> None:
        """Back to the market as drawn or read."""
        self._bars.clear()
        self._scales.clear()

    def apply(
        self, ticker: str, first: date, last: date, days: Ordinals, columns: dict[str, Floats]
    ) -> tuple[Ordinals, dict[str, Floats]]:
        """Bars of `ticker` in [first, last] with what was corrected; the arrays given are left alone."""
        if not self:
            return days, columns
        columns = {name: values.copy() for name, values in columns.items()}
        for day, factor in self._scales.items():
            at = days == day.toordinal()
            for name in ("o", "h", "l", "c", "vw"):
                if name in columns:
                    columns[name][at] = np.round(columns[name][at] * factor, 2)
        for (name, day), values in self._bars.items():
            if name != ticker or not first <= day <= last:
                continue
            if values is None:
                kept = days != day.toordinal()
                days, columns = days[kept], {key: column[kept] for key, column in columns.items()}
            else:
                days, columns = _put(days, columns, day, values)
        return days, columns


def _put(
    days: Ordinals, columns: dict[str, Floats], day: date, values: dict[str, float]
) -> tuple[Ordinals, dict[str, Floats]]:
    """Overwrite the bar of `day`, or insert one (NaN where `values` says nothing)."""
    at = int(np.searchsorted(days, day.toordinal()))
    if at == len(days) or days[at] != day.toordinal():
        days = np.insert(days, at, day.toordinal())
        columns = {name: np.insert(column, at, np.nan) for name, column in columns.items()}
    for name, value in values.items():
        if name in columns:
            columns[name][at] = value
    return days, columns
