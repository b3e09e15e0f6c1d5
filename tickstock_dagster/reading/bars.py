"""Daily bars as frames, over one connection that stays open: by ticker, by session, by universe; raw or adjusted.

The server sends a security's bars as one text, which polars takes apart: a market's five years arrive in a second.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, Self

import polars as pl
import psycopg

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import CALENDARS, MARKET
from tickstock_dagster.core.errors import BadInputError, choices

BAR_SCHEMA: dict[str, Any] = {
    "security_id": pl.Int64, "ticker": pl.String, "session": pl.Date,
    "open": pl.Float64, "high": pl.Float64, "low": pl.Float64, "close": pl.Float64, "volume": pl.Int64,
}  # fmt: skip
"""A bar as printed: the ticker of that session, the session's date in the exchange's own zone, prices in the security's
currency (each the float next to the stored decimal, which prints as that again), volume in shares."""

ADJUSTED_SCHEMA: dict[str, Any] = BAR_SCHEMA | {"volume": pl.Float64, "total_return_close": pl.Float64}
"""The same in today's shares; `total_return_close` is adjusted for dividends as well."""

HOURS_SCHEMA: dict[str, Any] = {
    "session": pl.Date, "opens_at": pl.Datetime("us", "UTC"), "closes_at": pl.Datetime("us", "UTC"),
}  # fmt: skip
"""A session and when it opens and closes, in UTC."""

_EVER = (date(1900, 1, 1), date(2200, 1, 1))
_AT_ONCE = 64 * 2**20
"""Bytes of text that are taken apart together: more would only need more memory."""


class BarReader:
    """Reads bars; one for a thread. As a context manager it closes its connection, which stays open until then.

    Estimates (fair market values) are no prints, and in none of its frames.
    """

    def __init__(self, database_url: str) -> None:
        """Nothing is opened yet.

        Args:
            database_url: `postgresql://…` of the warehouse, with a login that may read it, such as `tickstock_app`'s.
        """
        self._engine = open_engine(database_url, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next question opens one again."""
        self._engine.dispose()

    def bars(
        self,
        tickers: str | Iterable[str] | None = None,
        first: date | None = None,
        last: date | None = None,
        *,
        adjusted: bool = False,
    ) -> pl.DataFrame:
        """Bars of securities, also from when they printed under other tickers.

        Args:
            tickers: one or several; each stands for the security that holds it, or held it last. None: all securities.
            first: first session; None: from the first stored one on.
            last: last session, included.
            adjusted: for splits, and with `total_return_close`.

        Returns:
            `BAR_SCHEMA` or `ADJUSTED_SCHEMA`, by security_id and session.

        Raises:
            BadInputError: a ticker that nobody ever held.
            ServiceUnavailableError: the database cannot be reached.
        """
        with self._reading() as connection:
            ids = _all(connection) if tickers is None else _holders(connection, tickers)
            return _read(connection, ids, _span(first, last), adjusted=adjusted)

    def session(self, day: date, *, adjusted: bool = False) -> pl.DataFrame:
        """Every bar of one session, of all exchanges, as `bars` gives them; none is an empty frame."""
        return self.bars(None, day, day, adjusted=adjusted)

    def universe(
        self, key: str, first: date | None = None, last: date | None = None, *, adjusted: bool = False
    ) -> pl.DataFrame:
        """Bars of a universe's members, on the sessions on which they were members, as `bars` gives them.

        Args:
            key: the universe's name in `cache_entries`.
            first: first session; None: from the first stored one on.
            last: last session, included.
            adjusted: for splits, and with `total_return_close`.

        Raises:
            BadInputError: there is no such universe.
            ServiceUnavailableError: the database cannot be reached.
        """
        span = _span(first, last)
        with self._reading() as connection:
            if not _value(connection, "reading/universe_known", {"universe": key}):
                raise BadInputError("universe", key, "a key of cache_entries")
            values = {"universe": key, "first": span[0], "last": span[1]}
            rows = connection.execute(statement("reading/members"), values).fetchall()
            frame = _read(connection, sorted({row[0] for row in rows}), span, adjusted=adjusted)
        if not any(row[1] or row[2] for row in rows):
            return frame
        schema = {"security_id": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date}
        days = pl.DataFrame(rows, schema=schema, orient="row")
        begun = pl.col("valid_from").is_null() | (pl.col("valid_from") <= pl.col("session"))
        left = pl.col("valid_to").is_not_null() & (pl.col("valid_to") <= pl.col("session"))
        joined = frame.join(days, on="security_id", maintain_order="left").filter(begun & ~left)
        return joined.select(frame.columns)

    def hours(self, first: date, last: date, *, calendar: str = MARKET) -> pl.DataFrame:
        """Sessions of an exchange from `first` to `last`, both included, with their hours.

        Returns:
            `HOURS_SCHEMA`, ascending.

        Raises:
            BadInputError: an unknown calendar.
            ServiceUnavailableError: the database cannot be reached.
        """
        if calendar not in CALENDARS:
            raise BadInputError("calendar", calendar, choices(calendar, CALENDARS))
        values = {"calendar": calendar, "first": first, "last": last}
        with self._reading() as connection:
            rows = connection.execute(statement("reading/hours"), values).fetchall()
        return pl.DataFrame(rows, schema=HOURS_SCHEMA, orient="row")

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Connection[Any]]:
        with transaction(self._engine) as connection:
            yield connection


def _span(first: date | None, last: date | None) -> tuple[date, date]:
    return first or _EVER[0], last or _EVER[1]


def _value(connection: psycopg.Connection[Any], name: str, values: Mapping[str, object]) -> Any:
    row = connection.execute(statement(name), values).fetchone()
    return row[0] if row else None


def _all(connection: psycopg.Connection[Any]) -> list[int]:
    return [security for (security,) in connection.execute(statement("reading/securities"))]


def _holders(connection: psycopg.Connection[Any], tickers: str | Iterable[str]) -> list[int]:
    wanted = [tickers] if isinstance(tickers, str) else list(tickers)
    rows = connection.execute(statement("reading/holders"), {"tickers": wanted}).fetchall()
    for ticker, security in rows:
        if security is None:
            raise BadInputError("ticker", ticker, "a ticker that some security has held")
    return sorted({security for _, security in rows})


def _read(
    connection: psycopg.Connection[Any], security_ids: Sequence[int], span: tuple[date, date], *, adjusted: bool
) -> pl.DataFrame:
    """Bars of securities between two sessions, by security and session."""
    values = {"security_ids": list(security_ids), "first": span[0], "last": span[1]}
    text = statement("reading/bars_adjusted" if adjusted else "reading/bars")
    schema = ADJUSTED_SCHEMA if adjusted else BAR_SCHEMA
    frames = [pl.DataFrame(schema=schema)]
    rows, size = [], 0
    for row in connection.execute(text, values, prepare=False, binary=True):
        rows.append(row)
        size += len(row[2])
        if size >= _AT_ONCE:
            frames.append(_taken_apart(rows, schema))
            rows, size = [], 0
    if rows:
        frames.append(_taken_apart(rows, schema))
    return pl.concat(frames)


def _taken_apart(rows: Sequence[tuple[int, int, bytes]], schema: Mapping[str, Any]) -> pl.DataFrame:
    """Bars of some securities; of each its id, how many there are, and their lines."""
    columns = {name: dtype for name, dtype in schema.items() if name != "security_id"} | {"session": pl.Int32}
    text = b"\n".join(lines for _, _, lines in rows)
    frame = pl.read_csv(text, has_header=False, separator="\t", quote_char=None, schema=columns)
    whose = pl.DataFrame([row[:2] for row in rows], schema={"security_id": pl.Int64, "bars": pl.UInt32}, orient="row")
    ids = whose.select(pl.col("security_id").repeat_by("bars").explode(empty_as_null=False)).to_series()
    return frame.with_columns(ids, pl.col("session").cast(pl.Date)).select(list(schema))
