"""Half-open intervals: the first day belongs to one, its end does not."""

from datetime import date

import polars as pl
import pytest

from tickstock_dagster.core.intervals import covered, covers

MON, FRI = date(2026, 11, 16), date(2026, 11, 20)


@pytest.mark.parametrize(
    ("valid_to", "day", "inside"),
    [
        (FRI, date(2026, 11, 15), False),
        (FRI, MON, True),
        (FRI, date(2026, 11, 19), True),
        (FRI, FRI, False),
        (None, date(2099, 12, 31), True),
        (None, date(2026, 11, 15), False),
    ],
)
def test_the_first_day_is_inside_and_the_end_is_not(valid_to: date | None, day: date, *, inside: bool) -> None:
    assert covers(MON, valid_to, day) is inside
    row = pl.DataFrame(
        {"valid_from": [MON], "valid_to": [valid_to], "session": [day]},
        schema={"valid_from": pl.Date, "valid_to": pl.Date, "session": pl.Date},
    )
    assert row.select(covered("session")).item() is inside
    assert row.select(covered(day)).item() is inside


def test_a_row_without_a_day_or_without_an_interval_is_in_none() -> None:
    days = {"valid_from": [MON, None], "valid_to": [FRI, None], "session": [None, MON]}
    frame = pl.DataFrame(days, schema=dict.fromkeys(days, pl.Date))
    assert frame.filter(covered("session")).is_empty()
