"""Frames out of PostgreSQL: every type as it is stored, in order, with whatever texts and numbers there are."""

from datetime import UTC, date, datetime

import polars as pl
import psycopg
import pytest

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.frames import read_frame

TEXTS = [
    "",
    " ",
    "a,b",
    'a "b"',
    "line\nbreak",
    "back\\slash",
    "\\N",
    "O'Neil; --",
    "取引所",
    "$1",
    "%(a)s",
    "NULL",
    None,
]


def test_every_type_comes_as_it_is_and_null_is_none(database_url: str) -> None:
    frame = read_frame(
        open_engine(database_url, None),
        """
        SELECT 1::smallint AS small, 2 AS middle, 3::bigint AS large, 1.5::real AS single, 0.1::float8 AS double,
            12.345678::numeric(18, 6) AS price, true AS yes, 'a'::text AS word, date '1962-01-02' AS day,
            timestamptz '2026-11-20 16:00:00.123456-05' AS moment, ARRAY['a', 'b,"c"'] AS parts, 'n'::name AS name
        UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        """,
    )
    assert frame.schema == {
        "small": pl.Int16, "middle": pl.Int32, "large": pl.Int64, "single": pl.Float32, "double": pl.Float64,
        "price": pl.Float64, "yes": pl.Boolean, "word": pl.String, "day": pl.Date,
        "moment": pl.Datetime("us", "UTC"), "parts": pl.List(pl.String), "name": pl.String,
    }  # fmt: skip
    moment = datetime(2026, 11, 20, 21, 0, 0, 123456, tzinfo=UTC)
    given = (1, 2, 3, 1.5, 0.1, 12.345678, True, "a", date(1962, 1, 2), moment, ["a", 'b,"c"'], "n")
    assert frame.rows() == [given, (None,) * 12]


def test_infinity_is_the_last_day_that_python_knows(database_url: str) -> None:
    frame = read_frame(
        open_engine(database_url, None),
        "SELECT date 'infinity' AS day, timestamptz 'infinity' AS moment "
        "UNION ALL SELECT '-infinity', '-infinity' UNION ALL SELECT NULL, NULL",
    )
    first, last = date(1, 1, 1), date(9999, 12, 31)
    midnights = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (last, first)]
    assert frame.rows() == [(last, midnights[0]), (first, midnights[1]), (None, None)]


def test_texts_come_unchanged_and_so_do_parameters(database_url: str) -> None:
    engine = open_engine(database_url, None)
    rows = " UNION ALL ".join(f"SELECT {place} AS place, ${place + 1}::text AS word" for place in range(len(TEXTS)))
    frame = read_frame(engine, f"SELECT word FROM ({rows}) AS t ORDER BY place", TEXTS)  # noqa: S608
    assert frame["word"].to_list() == TEXTS
    day, at = date(2026, 11, 20), datetime(2026, 11, 20, 21, tzinfo=UTC)
    shown = read_frame(engine, "SELECT $1 AS a, $2 AS b, $3 - 1 AS c, $4 AS d -- at the end\n", (day, at, 7, 0.1))
    assert shown.rows() == [(day, at, 6, 0.1)]
    left = read_frame(engine, "SELECT $1 AS a, '$2' AS b -- $1 is not asked for here\n", ("one\n), 'b'",))
    assert left.rows() == [("one\n), 'b'", "$2")]


def test_a_frame_keeps_its_order_and_an_empty_one_its_types(database_url: str) -> None:
    engine = open_engine(database_url, None)
    text = "SELECT n, n * 0.25::float8 AS quarter FROM generate_series(1, 5000) AS n WHERE n > $1 ORDER BY -n"
    frame = read_frame(engine, text, (0,))
    assert frame["n"].to_list() == list(range(5000, 0, -1))
    assert read_frame(engine, text, (9_999,)).equals(frame.clear())
    assert read_frame(engine, text, (9_999,)).schema == frame.schema


def test_prices_lose_no_printed_decimal(database_url: str) -> None:
    """Each decimal that `numeric(18, 6)` can print within a float's 15 digits is the same text again."""
    text = """
        SELECT p AS price FROM (
            SELECT ((n * 7919::bigint * 104729) % 999999999999999)::numeric / 1000000 AS p
            FROM generate_series(1, 20000) AS n) AS t
    """
    with transaction(open_engine(database_url, None)) as connection:
        stored = connection.execute(f"SELECT price FROM ({text}) AS t")  # noqa: S608
        prices = [price for (price,) in stored]
    frame = read_frame(open_engine(database_url, None), text)
    assert frame["price"].to_list() == [float(price) for price in prices]
    assert [f"{price:.6f}" for price in frame["price"]] == [f"{price:.6f}" for price in prices]


def test_what_the_statement_does_wrong_stays_an_error_of_the_statement(database_url: str) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        read_frame(open_engine(database_url, None), "SELECT 1 / (n - n) AS it FROM generate_series(1, 2) AS n")
