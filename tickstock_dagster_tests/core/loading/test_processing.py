"""What is asked for first: by type, and by whether it was asked for before."""

from datetime import date

import polars as pl

from tickstock_dagster.core.loading.coverage import CELL_SCHEMA
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.loading.processing import PROCESSING_SCHEMA, in_order, unit_priorities
from tickstock_dagster.core.priority import Priority

FRI = date(2026, 11, 20)
STOCK, WARRANT, FUND, STRANGER = 1, 2, 3, 4
PROCESSING = pl.DataFrame(
    [(STOCK, True, 2), (WARRANT, False, 4), (FUND, True, 4)], schema=PROCESSING_SCHEMA, orient="row"
)


def priorities(*cells: tuple[int, str], tried: tuple[int, ...] = ()) -> dict[str, Priority]:
    """Of units, by (security, unit) on Friday."""
    asked = pl.DataFrame(
        [(security, FRI, f"T{security}", unit) for security, unit in cells],
        schema={**CELL_SCHEMA, "unit_id": pl.String},
        orient="row",
    )
    before = pl.DataFrame(
        [(security, FRI) for security in tried], schema={"security_id": pl.Int64, "session": pl.Date}, orient="row"
    )
    return unit_priorities(asked, PROCESSING, before)


def test_what_is_followed_in_real_time_is_critical_at_first_and_then_as_its_type_says() -> None:
    cells = [(STOCK, "a"), (WARRANT, "b"), (FUND, "c")]
    assert priorities(*cells) == {"a": Priority.CRITICAL, "b": Priority.LOW, "c": Priority.CRITICAL}
    assert priorities(*cells, tried=(STOCK, WARRANT, FUND)) == {
        "a": Priority.HIGH, "b": Priority.LOW, "c": Priority.LOW,
    }  # fmt: skip


def test_a_call_is_as_urgent_as_its_most_urgent_cell_and_an_unknown_security_is_normal() -> None:
    assert priorities((WARRANT, "*"), (STOCK, "*"), tried=(STOCK,)) == {"*": Priority.HIGH}
    assert priorities((STRANGER, "x")) == {"x": Priority.NORMAL}


def test_the_most_urgent_units_come_first_and_equals_keep_their_order() -> None:
    units = [WorkUnit(UnitKind.RANGE, "XNYS", "simulator", name, FRI, FRI, 1) for name in ("W", "A", "B", "N")]
    urgent = {units[0].unit_id: Priority.LOW, units[1].unit_id: Priority.CRITICAL, units[2].unit_id: Priority.CRITICAL}
    assert [unit.subject for unit in in_order(units, urgent)] == ["A", "B", "N", "W"]
