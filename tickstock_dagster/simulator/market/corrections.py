"""Corrections of published bars: what an operator of the simulator replaced, removed or scaled. Raw prices only."""

from datetime import date

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ordinals = npt.NDArray[np.int32]

FIELDS = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw", "transactions": "n"}
"""Field names of a correction, to the vendor's keys."""


class Corrections:
    """Differences from the market as drawn or read. Applied before adjusting."""

    def __init__(self) -> None:
        self._bars: dict[tuple[str, date], dict[str, float] | None] = {}
        self._scales: dict[date, float] = {}

    def __bool__(self) -> bool:
        return bool(self._bars or self._scales)

    def replace(self, ticker: str, day: date, values: dict[str, float]) -> None:
        """Give the bar of `ticker` on `day` these `values` (keys of `FIELDS`); its other values stay as they are."""
        kept = self._bars.get((ticker, day)) or {}
        self._bars[ticker, day] = kept | {FIELDS[name]: float(value) for name, value in values.items()}

    def remove(self, ticker: str, day: date) -> None:
        """Remove the bar of `ticker` on `day`."""
        self._bars[ticker, day] = None

    def scale(self, day: date, factor: float) -> None:
        """Multiply every price of `day` by `factor`, rounded to cents."""
        self._scales[day] = self._scales.get(day, 1.0) * factor

    def clear(self) -> None:
        """Return to the market as drawn or read."""
        self._bars.clear()
        self._scales.clear()

    def apply(
        self, ticker: str, first: date, last: date, days: Ordinals, columns: dict[str, Floats]
    ) -> tuple[Ordinals, dict[str, Floats]]:
        """Bars of `ticker` in [first, last] with the corrections.

        Args:
            ticker: as printed.
            first: first day, inclusive.
            last: last day, inclusive.
            days: ordinals of the raw bars in that range, ascending.
            columns: their raw values by the vendor's keys; like `days` never changed in place.
        """
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
    """Overwrite the bar of `day`, or insert one (NaN where `values` has none)."""
    at = int(np.searchsorted(days, day.toordinal()))
    if at == len(days) or days[at] != day.toordinal():
        days = np.insert(days, at, day.toordinal())
        columns = {name: np.insert(column, at, np.nan) for name, column in columns.items()}
    for name, value in values.items():
        if name in columns:
            columns[name][at] = value
    return days, columns
