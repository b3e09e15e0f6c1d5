"""Reading the shipped seed of ETFs; writing ETF profiles, and their facts into securities."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from importlib import resources

import polars as pl
import psycopg

from tickstock_dagster.adapters.postgres.frames import copy_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.securities.etf_classification import classify_etf
from tickstock_dagster.core.securities.etf_seed import EtfFacts, parse_seed

SEED = "seed"
"""Source of the profiles that this release ships."""

ETF_CODES = ("ETF", "ETN", "ETS", "ETV")
"""The vendor's type codes of securities that trade as ETFs."""

PROFILE_COLUMNS: dict[str, type[pl.DataType]] = {
    "ticker": pl.String, "source": pl.String, "as_of": pl.Date, "name": pl.String, "issuer": pl.String,
    "category": pl.String, "themes": pl.String, "etf_type": pl.String, "underlying_index": pl.String,
    "correlation_reference": pl.String, "primary_exchange": pl.String, "inception_date": pl.Date,
    "aum_usd": pl.Float64, "aum_source": pl.String, "expense_ratio": pl.Float64, "expense_ratio_source": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EtfCount:
    """ETFs of one class on a day: how many, how many with AUM, and their AUM in billions of US dollars."""

    etf_type: str
    etfs: int
    with_aum: int
    aum_billions: float | None


@lru_cache(maxsize=1)
def seed_funds() -> tuple[EtfFacts, ...]:
    """The ETFs of the shipped file.

    Raises:
        BadInputError: the file is broken; names line, ticker and field.
    """
    file = resources.files("tickstock_dagster") / "reference_data" / "etfs.csv"
    return parse_seed(file.read_text(encoding="utf-8"))


def write_profiles(cursor: psycopg.Cursor, profiles: Sequence[tuple[str, EtfFacts]], *, now: datetime) -> int:
    """Store (source, facts) in the caller's transaction; returns how many rows are new or changed."""
    rows = [
        {
            **{name: getattr(facts, name) for name in PROFILE_COLUMNS if name not in ("source", "themes")},
            "source": source,
            "themes": _array(facts.themes),
        }
        for source, facts in profiles
    ]
    # PostgreSQL cannot prepare several statements at once.
    cursor.execute(statement("securities/etf_stage"), prepare=False)
    copy_frame(cursor, "stage_etf", pl.DataFrame(rows, schema=PROFILE_COLUMNS))
    cursor.execute(statement("securities/etf_write"), {"now": now}, prepare=False)
    return cursor.rowcount


def apply_profiles(cursor: psycopg.Cursor, on: date, *, now: datetime) -> int:
    """Write an ETF's facts into the security that holds its ticker on a day; returns how many changed."""
    values = {"on": on, "types": list(ETF_CODES), "now": now}
    cursor.execute(statement("securities/etf_apply"), values, prepare=False)
    return cursor.rowcount


def class_unprofiled(cursor: psycopg.Cursor, on: date, *, now: datetime) -> tuple[int, int]:
    """Class by name the ETFs of a day without a profile; returns how many there are, and how many changed."""
    rows = cursor.execute(statement("securities/etf_unprofiled"), {"on": on, "types": list(ETF_CODES)}).fetchall()
    classes = [classify_etf(ticker, name) for _, ticker, name in rows]
    values = {
        "security_ids": [row[0] for row in rows],
        "etf_types": [kind.etf_type for kind in classes],
        "themes": [_array(kind.themes) for kind in classes],
        "references": [kind.correlation_reference for kind in classes],
        "now": now,
    }
    cursor.execute(statement("securities/etf_class"), values, prepare=False)
    return len(rows), cursor.rowcount


def count_etfs(cursor: psycopg.Cursor, on: date) -> list[EtfCount]:
    """ETFs of a day by class, the most frequent first."""
    rows = cursor.execute(statement("securities/etf_counts"), {"on": on, "types": list(ETF_CODES)})
    return [EtfCount(kind, etfs, with_aum, None if aum is None else float(aum)) for kind, etfs, with_aum, aum in rows]


def _array(names: Sequence[str]) -> str | None:
    """A text array in PostgreSQL's notation; themes are plain words."""
    return "{" + ",".join(names) + "}" if names else None
