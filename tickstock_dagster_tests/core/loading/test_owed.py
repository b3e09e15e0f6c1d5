"""What is missing as bits agrees with the cells themselves, and what a file can fill of what is owed."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, INTERVAL_SCHEMA, SPAN_SCHEMA
from tickstock_dagster.core.loading.expectation import STRETCH_SCHEMA, expected_cells, expected_stretches
from tickstock_dagster.core.loading.owed import OWED_SCHEMA, fillable
from tickstock_dagster.core.loading.session_bits import BITS_SCHEMA, missing_cells

BEGINS = date(2026, 11, 2)
SESSIONS = library_calendar("XNYS").sessions(BEGINS, date(2026, 12, 11))
DAYS = st.integers(0, 40).map(lambda number: BEGINS + timedelta(days=number))
EPOCH = date(1970, 1, 1).toordinal()
SPANS = st.lists(
    st.tuples(st.integers(1, 4), DAYS, st.none() | DAYS).filter(lambda row: row[2] is None or row[1] < row[2]),
    max_size=8,
)


@st.composite
def histories(draw: st.DrawFn) -> pl.DataFrame:
    """Tickers of up to four securities; intervals of one do not overlap, as the store has it."""
    rows = []
    for security in range(1, 5):
        bounds = sorted(draw(st.lists(DAYS, max_size=4, unique=True)))
        pairs = zip(bounds[::2], bounds[1::2], strict=False)
        rows += [(security, f"T{security}{first}", first, last) for first, last in pairs]
        if len(bounds) % 2:
            rows.append((security, f"T{security}", bounds[-1], None))
    names = [name for name in INTERVAL_SCHEMA if name not in ("security_id", "ticker", "valid_from", "valid_to")]
    fill = {"start_known": "unknown"}
    table = pl.DataFrame(
        [dict(zip(("security_id", "ticker", "valid_from", "valid_to"), row, strict=True)) for row in rows],
        schema={name: INTERVAL_SCHEMA[name] for name in ("security_id", "ticker", "valid_from", "valid_to")},
    )
    columns = {
        "seen_from": pl.col("valid_from"),
        "start_known": pl.lit(fill["start_known"]),
        "expected_from": pl.col("valid_from"),
        "expected_to": pl.col("valid_to"),
    }
    return table.with_columns(**{name: columns[name] for name in names})


def bits_of(settled: set[tuple[int, date]]) -> pl.DataFrame:
    """Settled cells as the store hands them over."""
    blocks: dict[tuple[int, int], int] = {}
    for security, day in settled:
        block, bit = divmod(day.toordinal() - EPOCH, 64)
        blocks[security, block] = blocks.get((security, block), 0) | 1 << bit
    signed = [(*key, bits - 2**64 if bits >= 2**63 else bits) for key, bits in blocks.items()]
    return pl.DataFrame(signed, schema=BITS_SCHEMA, orient="row")


@given(histories(), st.none() | SPANS, st.sets(st.tuples(st.integers(1, 5), st.sampled_from(SESSIONS))))
def test_missing_cells_are_the_expected_ones_that_are_not_settled(
    intervals: pl.DataFrame, spans: list[tuple[int, date, date | None]] | None, settled: set[tuple[int, date]]
) -> None:
    given_spans = None if spans is None else pl.DataFrame(spans, schema=SPAN_SCHEMA, orient="row")
    cells = expected_cells(SESSIONS, intervals, given_spans)
    missing = missing_cells(expected_stretches(intervals, given_spans), SESSIONS, bits_of(settled))
    wanted = [row for row in cells.rows() if row[:2] not in settled]
    assert missing.rows() == sorted(wanted, key=lambda row: (-row[1].toordinal(), row[2]))
    assert missing.schema == pl.Schema(CELL_SCHEMA)


def test_every_day_of_a_block_is_told_apart() -> None:
    """A security that is listed on 200 days, of which one is settled: the sign of a block's number is a day, too."""
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(200)]
    stretches = pl.DataFrame([(1, "AAA", date(1900, 1, 1), None)], schema=STRETCH_SCHEMA, orient="row")
    assert {day.toordinal() - EPOCH for day in days} >= {64 * 320 - 1, 64 * 320}, "the last bit and the first"
    for settled in days:
        missing = missing_cells(stretches, days, bits_of({(1, settled)}))
        assert missing["session"].to_list() == [day for day in reversed(days) if day != settled]


def test_a_file_is_asked_for_what_it_has_and_never_again_for_the_same_content() -> None:
    later = datetime(2026, 12, 20, tzinfo=UTC)
    day = SESSIONS[0]
    cells = [
        ("AAA", "never_asked", "never requested", None),
        ("BBB", "vendor_missing", "files:old's answer has no bar", later),
        ("CCC", "vendor_missing", "files:new's answer has no bar", later),
        ("DDD", "quarantined", "its row was quarantined: high below low", later),
        ("EEE", "never_asked", "never requested", None),
    ]
    names = ("ticker", "reason", "evidence", "retry_at")
    rows = [{"security_id": 1, "session": day, **dict(zip(names, cell, strict=True))} for cell in cells]
    owed = pl.DataFrame(rows, schema=OWED_SCHEMA)
    held = pl.DataFrame({"ticker": ["AAA", "BBB", "CCC", "DDD"], "session": [day] * 4})
    found = fillable(owed, held, "files:new")
    due = dict(found.select("ticker", "retry_at").iter_rows())
    assert due == {"AAA": None, "BBB": None, "CCC": later, "DDD": later}
