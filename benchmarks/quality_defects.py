"""Defects that are put into bars: each kind changes some places of columns, as vendors' errors do.

A kind has a group, whose recall is bounded. Volumes of spikes and droughts are multiples of what was traded there, or
of what is usual: eight times the volume of a session on which half as much traded as usually is no spike of five, and
counts as missed nevertheless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import polars as pl

from tickstock_dagster.core.loading.coverage import THIN_MEDIAN_VOLUME

Columns: TypeAlias = dict[str, "np.ndarray"]
"""`open`, `high`, `low`, `close`, `volume`, and `usual`: the median volume of the twenty bars before."""

PRICES = ("open", "high", "low", "close")
FIRST_PLACE, LAST_PLACE, APART = 130, 45, 8
"""Bars of the security before a place, and after it, at least; rows between two places."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of defect.

    Attributes:
        name: in words.
        group: recall is bounded by it.
        put: changes the columns from a place up to before an end; of kinds of one bar these are arrays of all places.
        bars: how many bars it lasts.
    """

    name: str
    group: str
    put: "Callable[[Columns, np.ndarray, np.random.Generator], None]"
    bars: int = 1


def _scaled(names: tuple[str, ...], *factors: float) -> "Callable[[Columns, np.ndarray, np.random.Generator], None]":
    def put(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
        factor = random.choice(factors, len(at))
        for name in names:
            columns[name][at] *= factor

    return put


def _set(name: str, value: float) -> "Callable[[Columns, np.ndarray, np.random.Generator], None]":
    def put(columns: Columns, at: "np.ndarray", _: np.random.Generator) -> None:
        columns[name][at] = value

    return put


def _bar_again(ago: int, off: float = 0.0) -> "Callable[[Columns, np.ndarray, np.random.Generator], None]":
    def put(columns: Columns, at: "np.ndarray", _: np.random.Generator) -> None:
        for name in PRICES:
            columns[name][at] = columns[name][at - ago]
        columns["volume"][at] = np.round(columns["volume"][at - ago] * (1 + off))

    return put


def _swapped(columns: Columns, at: "np.ndarray", _: np.random.Generator) -> None:
    columns["high"][at], columns["low"][at] = columns["low"][at] * 0.999, columns["high"][at] * 1.001


def _close_above(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
    columns["close"][at] = columns["high"][at] * random.uniform(1.003, 1.3, len(at))


def _open_below(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
    columns["open"][at] = columns["low"][at] * random.uniform(0.7, 0.997, len(at))


def _moved(random: np.random.Generator, count: int) -> "np.ndarray":
    """Up or down by 25 to 60 %."""
    return 1 + random.choice([-1, 1], count) * random.uniform(0.25, 0.6, count)


def _extended(columns: Columns, at: "np.ndarray") -> None:
    """High and low hold open and close."""
    both = np.stack([columns["open"][at], columns["close"][at]])
    columns["high"][at] = np.maximum(columns["high"][at], both.max(axis=0))
    columns["low"][at] = np.minimum(columns["low"][at], both.min(axis=0))


def _one_moved(name: str) -> "Callable[[Columns, np.ndarray, np.random.Generator], None]":
    def put(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
        columns[name][at] *= _moved(random, len(at))
        _extended(columns, at)

    return put


def _bar_moved(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
    factor = _moved(random, len(at))
    for name in PRICES:
        columns[name][at] *= factor


def _wick(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
    up, size = random.random(len(at)) < 0.5, random.uniform(0.25, 0.6, len(at))
    columns["high"][at] *= np.where(up, 1 + size, 1)
    columns["low"][at] *= np.where(up, 1, 1 - size)


def _volume(*factors: float, of: str = "volume") -> "Callable[[Columns, np.ndarray, np.random.Generator], None]":
    """The volume there, or the usual one, times something between the first and the last factor."""

    def put(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
        columns["volume"][at] = np.round(columns[of][at] * random.uniform(factors[0], factors[-1], len(at)))

    return put


def _split_untold(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
    factor = random.choice([2, 3, 4, 1.5, 0.1, 0.2, 7])
    for name in PRICES:
        columns[name][at] /= factor
    columns["volume"][at] = np.round(columns["volume"][at] * factor)


def _frozen(columns: Columns, at: "np.ndarray", _: np.random.Generator) -> None:
    columns["close"][at] = columns["close"][at[0] - 1]
    _extended(columns, at)


def _repeated(columns: Columns, at: "np.ndarray", random: np.random.Generator) -> None:
    for name in PRICES:
        columns[name][at] = columns[name][at[0] - 1]
    columns["volume"][at] = np.round(columns["volume"][at[0] - 1] * random.uniform(0.99, 1.01))


_SINGLE = (
    Kind("high below low", "structure", _swapped),
    Kind("close above the high", "structure", _close_above),
    Kind("open below the low", "structure", _open_below),
    Kind("open missing", "structure", _set("open", np.nan)),
    Kind("low of zero", "structure", _set("low", 0.0)),
    Kind("negative volume", "structure", _scaled(("volume",), -1.0)),
    Kind("the previous bar again", "structure", _bar_again(1)),
    Kind("the bar of ten sessions before again", "structure", _bar_again(10)),
    Kind("the previous prices again, volume 1 % off", "structure", _bar_again(1, 0.01)),
    Kind("split applied to the close alone", "scale", _scaled(("close",), 1 / 2, 1 / 3, 1 / 1.5, 1 / 4)),
    Kind("split applied to the open alone", "scale", _scaled(("open",), 1 / 2, 1 / 3, 1 / 1.5, 1 / 4)),
    Kind("prices × 100", "scale", _scaled(PRICES, 100)),
    Kind("prices / 100", "scale", _scaled(PRICES, 0.01)),
    Kind("prices × 10", "scale", _scaled(PRICES, 10)),
    Kind("prices / 10", "scale", _scaled(PRICES, 0.1)),
    Kind("high × 10", "scale", _scaled(("high",), 10)),
    Kind("low / 10", "scale", _scaled(("low",), 0.1)),
    Kind("close × 10", "scale", _scaled(("close",), 10)),
    Kind("prices of one session × 2, 3, / 2, / 3", "scale", _scaled(PRICES, 2, 3, 1 / 2, 1 / 3)),
    Kind("close off by 25 to 60 %", "moves", _one_moved("close")),
    Kind("bar off by 25 to 60 %", "moves", _bar_moved),
    Kind("open off by 25 to 60 %", "moves", _one_moved("open")),
    Kind("high or low off by 25 to 60 %", "moves", _wick),
    Kind("volume × 8", "spikes", _volume(8)),
    Kind("volume × 10", "spikes", _volume(10)),
    Kind("volume × 20", "spikes", _volume(20)),
    Kind("volume × 100", "spikes", _volume(100)),
    Kind("8 to 15 × the usual volume", "spikes", _volume(8, 15, of="usual")),
    Kind("volume / 10", "droughts", _volume(0.1)),
    Kind("volume / 20", "droughts", _volume(0.05)),
    Kind("0.03 to 0.12 × the usual volume", "droughts", _volume(0.03, 0.12, of="usual")),
    Kind("volume of zero", "droughts", _volume(0)),
)
_LASTING = (
    Kind("split that nobody told", "scale", _split_untold, bars=10**6),
    Kind("ten sessions × 100", "scale", _scaled(PRICES, 100), bars=10),
    Kind("six equal closes", "structure", _frozen, bars=6),
    Kind("three equal bars", "structure", _repeated, bars=3),
)
SINGLE: dict[str, Kind] = {kind.name: kind for kind in _SINGLE}
LASTING: dict[str, Kind] = {kind.name: kind for kind in _LASTING}


def columns_of(bars: pl.DataFrame) -> Columns:
    """Copies of the columns, with the usual volume."""
    columns = {name: bars[name].to_numpy().astype(np.float64).copy() for name in (*PRICES, "volume")}
    usual = pl.col("volume").shift().rolling_median(20, min_samples=5).over("security_id")
    return columns | {"usual": bars.select(usual).to_series().to_numpy()}


def with_columns(bars: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """The bars with other columns; what is no number is missing."""
    return bars.with_columns(pl.Series(name, columns[name]).fill_nan(None) for name in (*PRICES, "volume"))


def possible_places(bars: pl.DataFrame) -> pl.DataFrame:
    """(row, security_id, session): good bars that trade, with enough of the security's bars on both sides."""
    of = "security_id"
    rows = bars.with_row_index("row").with_columns(
        before=pl.int_range(pl.len()).over(of),
        after=pl.len().over(of) - pl.int_range(pl.len()).over(of),
        usual=pl.col("volume").rolling_median(20).shift().over(of),
    )
    whole = pl.all_horizontal(pl.col(name).is_not_null() for name in PRICES)
    traded = (pl.col("usual") > THIN_MEDIAN_VOLUME) & (pl.col("volume") > 0)
    enough = (pl.col("before") >= FIRST_PLACE) & (pl.col("after") > LAST_PLACE)
    return rows.filter(whole & traded & enough).select("row", of, "session")


def places(bars: pl.DataFrame, count: int, random: np.random.Generator) -> "dict[str, np.ndarray]":
    """For every kind of one bar so many places, no two of them near one another."""
    rows = possible_places(bars)["row"].to_numpy().copy()
    random.shuffle(rows)
    used, chosen = np.zeros(bars.height, dtype=bool), []
    for row in rows:
        if not used[max(0, row - APART) : row + APART + 1].any():
            chosen.append(row)
            used[row] = True
            if len(chosen) == count * len(SINGLE):
                break
    assert len(chosen) == count * len(SINGLE), "the bars have too few places"
    return {
        name: np.sort(np.array(chosen[number * count : (number + 1) * count])) for number, name in enumerate(SINGLE)
    }


def lasting_places(bars: pl.DataFrame, count: int, random: np.random.Generator) -> "list[tuple[int, int]]":
    """(place, end of the security's bars) in so many securities, one each, or all that there are."""
    rows = possible_places(bars).group_by("security_id", maintain_order=True).agg("row")
    ends = dict(bars.with_row_index("row").group_by("security_id").agg(pl.col("row").last() + 1).iter_rows())
    picked = random.permutation(rows.height)[:count]
    found = []
    for number in sorted(picked.tolist()):
        security, possible = rows.row(number)
        found.append((int(random.choice(possible)), int(ends[security])))
    return found
