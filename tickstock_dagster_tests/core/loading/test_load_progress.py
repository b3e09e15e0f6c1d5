"""What a load counts, and under which name."""

from datetime import date

import pytest

from tickstock_dagster.core.loading.load_progress import LoadProgress, job_name
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit

MON, TUE, WED = (date(2026, 11, day) for day in (16, 17, 18))


def unit(kind: UnitKind, subject: str, first: date, last: date, cells: int = 1) -> WorkUnit:
    return WorkUnit(kind, "XNYS", "massive", subject, first, last, cells)


RANGES = [
    unit(UnitKind.RANGE, "AAPL", MON, TUE, 2),
    unit(UnitKind.RANGE, "AAPL", WED, WED),
    unit(UnitKind.RANGE, "MSFT", MON, WED, 3),
]
GROUPED = [unit(UnitKind.GROUPED, "*", day, day, 500) for day in (MON, TUE)]


@pytest.mark.parametrize(
    ("units", "counted", "steps"),
    [
        (RANGES, ("symbols", 2), [(0, None), (1, "AAPL"), (2, "MSFT")]),
        (GROUPED, ("sessions", 2), [(1, None), (2, None)]),
        ([RANGES[0], GROUPED[1]], ("cells", 502), [(2, None), (502, None)]),
    ],
)
def test_what_is_counted_is_what_one_unit_is(
    units: list[WorkUnit], counted: tuple[str, int], steps: list[tuple[int, str | None]]
) -> None:
    progress = LoadProgress(units)
    assert (progress.unit, progress.total, progress.done) == (*counted, 0)
    found = []
    for one in units:
        progress.end(one)
        found.append((progress.done, progress.symbol))
    assert found == steps


def test_a_load_keeps_its_name_after_a_restart_and_shares_it_with_no_other() -> None:
    name = job_name("XNYS", "massive", ["MSFT", "AAPL"], [MON, TUE])
    assert name == job_name("XNYS", "massive", ("AAPL", "MSFT"), (MON, TUE))
    others = {
        job_name("XTKS", "massive", ["AAPL", "MSFT"], [MON, TUE]),
        job_name("XNYS", "massive", ["AAPL"], [MON, TUE]),
        job_name("XNYS", "massive", ["AAPL", "MSFT"], [MON, WED]),
        job_name("XNYS", "massive", ["AAPL", "MSFT"], [MON, TUE], "again"),
        job_name("XNYS", "massive", ["universe *"], [MON, TUE]),
    }
    assert len({name, *others}) == 6
