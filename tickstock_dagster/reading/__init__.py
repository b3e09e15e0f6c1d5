"""For people who only read: bars as frames. Nothing here writes, loads, or knows of runs; consumers may rely on it."""

from tickstock_dagster.reading.bars import ADJUSTED_SCHEMA, BAR_SCHEMA, HOURS_SCHEMA, BarReader

__all__ = ["ADJUSTED_SCHEMA", "BAR_SCHEMA", "HOURS_SCHEMA", "BarReader"]
