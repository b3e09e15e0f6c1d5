"""An answer that begins at a plan's edge was clipped; others lack what they lack."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from tickstock_dagster.core.bars.history import MANY, served_from
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
FREE_EDGE = date(2024, 11, 21)
FIRST = date(2024, 9, 2)
DAYS = [FIRST + timedelta(days=number) for number in range(150)]


def cells(unit: str = "u1", kind: str = "range", days: list[date] = DAYS) -> pl.DataFrame:
    rows = [(1, day, "AAPL", unit, kind) for day in days]
    return pl.DataFrame(rows, schema={**CELL_SCHEMA, "unit_id": pl.String, "kind": pl.String}, orient="row")


def bars(since: date, unit: str = "u1") -> pl.DataFrame:
    days = [day for day in DAYS if day >= since]
    return pl.DataFrame(
        {"unit_id": [unit] * len(days), "session": days}, schema={"unit_id": pl.String, "session": pl.Date}
    )


def judge(asked: pl.DataFrame, found: pl.DataFrame, history_from: date | None = None) -> list[tuple[str, date]]:
    served = served_from(asked, found, history_from=history_from, source="massive", now=NOW)
    return served.select("unit_id", "served_from").rows()


@pytest.mark.parametrize("off", [-6, -2, 0, 1, 8])
def test_an_answer_that_begins_at_a_plans_edge_was_clipped(off: int) -> None:
    since = FREE_EDGE + timedelta(days=off)
    assert judge(cells(), bars(since)) == [("u1", since)]


@pytest.mark.parametrize("off", [-30, -9, 10, 40])
def test_an_answer_that_begins_elsewhere_lacks_what_it_lacks(off: int) -> None:
    assert judge(cells(), bars(FREE_EDGE + timedelta(days=off))) == []


def test_few_lacking_sessions_an_answer_without_bars_and_a_whole_session_are_no_clip() -> None:
    near = [day for day in DAYS if day >= FREE_EDGE - timedelta(days=MANY - 1)]
    assert judge(cells(days=near), bars(FREE_EDGE)) == []
    assert judge(cells(), bars(date.max)) == []
    assert judge(cells(kind="grouped"), bars(FREE_EDGE)) == []


def test_what_the_source_found_out_holds_for_every_range() -> None:
    asked = pl.concat([cells("u1"), cells("u2"), cells("u3", days=DAYS[120:])])
    served = judge(asked, bars(FIRST, "u2"), history_from=date(2024, 11, 24))
    assert sorted(served) == [("u1", date(2024, 11, 24)), ("u2", date(2024, 11, 24))]


def test_the_evidence_names_the_setting() -> None:
    served = served_from(cells(), bars(FREE_EDGE), history_from=None, source="massive", now=NOW)
    assert served["evidence"][0] == (
        "the answer of massive begins on 2024-11-21, where a plan's history does: taken for clipped; "
        "is MASSIVE_PLAN the key's plan?"
    )
