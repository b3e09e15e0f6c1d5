"""Cells as bits: 64 calendar days of a security in one number.

A market's year is three million cells and eighty thousand such numbers, so that what is stored is compared with what is
expected without making a cell of either. Only those that differ become cells.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from tickstock_dagster.core.loading.coverage import CELL_SCHEMA

BITS_SCHEMA: dict[str, type[pl.DataType]] = {"security_id": pl.Int64, "block": pl.Int64, "bits": pl.Int64}
"""Days of a security: day d counts from 1970-01-01, and is bit d mod 64 of block d div 64; the sign is bit 63."""

_ALL = np.uint64(2**64 - 1)
_BLOCK_BITS = 20  # of a number that stands for security and block: all dates have 45,000 blocks


def missing_cells(stretches: pl.DataFrame, sessions: Sequence[date], settled: pl.DataFrame) -> pl.DataFrame:
    """The expected cells of some sessions that are not settled.

    Args:
        stretches: `core.loading.expectation.STRETCH_SCHEMA`.
        sessions: of the calendar, ascending.
        settled: `BITS_SCHEMA`, a security's block at most once; may have days and securities that are not expected.

    Returns:
        `CELL_SCHEMA`, the newest session first, then by ticker.
    """
    if stretches.is_empty() or not sessions:
        return pl.DataFrame(schema=CELL_SCHEMA)
    stretches = stretches.sort("ticker", "security_id", "valid_from")
    row, block, expected = _expected(stretches, sessions)
    missing = expected & ~_held(stretches["security_id"].to_numpy()[row], block, settled)
    some = np.flatnonzero(missing)
    place, bit = _bits(missing[some])
    day, row = block[some][place] * 64 + bit, row[some][place]
    if not day.size:
        return pl.DataFrame(schema=CELL_SCHEMA)
    age = day.max() - day
    order = np.argsort(age.astype(np.min_scalar_type(age.max())), kind="stable")  # small integers sort fastest
    found: pl.DataFrame = stretches[row[order]]
    session = pl.Series("session", day[order].astype(np.int32)).cast(pl.Date)
    return found.select("security_id", session, "ticker")


def cells_of(settled: pl.DataFrame) -> pl.DataFrame:
    """`BITS_SCHEMA` as cells: (security_id, session)."""
    place, bit = _bits(settled["bits"].to_numpy())
    days = pl.Series("session", (settled["block"].to_numpy()[place] * 64 + bit).astype(np.int32)).cast(pl.Date)
    return pl.DataFrame([settled["security_id"].gather(place), days])


def _bits(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each bit of some 64-bit numbers that is set: which number, and which bit of it."""
    octets = numbers.astype(numbers.dtype.newbyteorder("<")).view(np.uint8).reshape(-1, 8)
    number, bit = np.nonzero(np.unpackbits(octets, axis=1, bitorder="little"))
    return number, bit


def _expected(stretches: pl.DataFrame, sessions: Sequence[date]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per stretch and block: the stretch's row, the block, and the sessions of the stretch in it as bits."""
    days = _days(pl.Series(sessions, dtype=pl.Date))
    masks = np.zeros((days[-1] >> 6) - (days[0] >> 6) + 1, dtype=np.uint64)
    np.bitwise_or.at(masks, (days >> 6) - (days[0] >> 6), np.uint64(1) << (days & 63).astype(np.uint64))
    begins = np.maximum(_days(stretches["valid_from"]), days[0])
    ends = np.minimum(_days(stretches["valid_to"].fill_null(date.max)) - 1, days[-1])
    rows = np.flatnonzero(begins <= ends)
    first, last = begins[rows] >> 6, ends[rows] >> 6
    numbers = last - first + 1
    place = np.repeat(np.arange(rows.size), numbers)
    block = first[place] + np.arange(place.size) - np.repeat(np.cumsum(numbers) - numbers, numbers)
    row = rows[place]
    lowest = np.where(block == first[place], begins[row] & 63, 0).astype(np.uint64)
    highest = np.where(block == last[place], ends[row] & 63, 63).astype(np.uint64)
    bits = masks[block - (days[0] >> 6)] & (_ALL << lowest) & (_ALL >> (np.uint64(63) - highest))
    return row, block, bits


def _held(security_id: np.ndarray, block: np.ndarray, settled: pl.DataFrame) -> np.ndarray:
    """What is settled of some blocks; of those that `settled` lacks nothing.

    Without a frame of the blocks: polars' first look at an array imports all of NumPy's masked ones, 0.04 s.
    """
    known = (settled["security_id"].to_numpy() << _BLOCK_BITS) + settled["block"].to_numpy()
    order = np.argsort(known, kind="stable")
    wanted = (security_id << _BLOCK_BITS) + block
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), max(known.size - 1, 0))
    held = np.zeros(wanted.size, dtype=np.uint64)
    if known.size:
        same = known[order[place]] == wanted
        held[same] = settled["bits"].to_numpy().view(np.uint64)[order[place[same]]]
    return held


def _days(dates: pl.Series) -> np.ndarray:
    """Days since 1970-01-01."""
    return dates.to_physical().cast(pl.Int64).to_numpy()
