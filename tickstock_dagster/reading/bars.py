"""Daily bars as frames, over one connection that stays open: by ticker, by session, by universe; raw or adjusted.

The server sends a security's bars as one text, which polars takes apart, and its factors: a market's five years arrive
in a second, raw or adjusted.

Longer than 250 lines because raw and adjusted bars are asked for and taken apart side by side.
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
"""The same in today's shares; `total_return_close` is adjusted for dividends as well. Each is within two roundings of a
float of what the view `ohlcv_daily_adjusted` says, and as printed where nothing adjusts."""

HOURS_SCHEMA: dict[str, Any] = {
    "session": pl.Date, "opens_at": pl.Datetime("us", "UTC"), "closes_at": pl.Datetime("us", "UTC"),
}  # fmt: skip
"""A session and when it opens and closes, in UTC."""

FACTOR_SCHEMA: dict[str, Any] = {
    "security_id": pl.Int64, "ex_dates": pl.List(pl.Date), "split_factors": pl.List(pl.Float64),
    "dividend_factors": pl.List(pl.Float64),
}  # fmt: skip
"""A security's ex-dates, ascending, and its factors at them, as in the table `adjustment_factors`: a list is null where
all of its factors are 1."""

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
    for ticker in wanted:
        if "\0" in ticker:  # PostgreSQL has no such text
            raise BadInputError("ticker", ticker, "a ticker that some security has held")
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
    taken_apart = _adjusted if adjusted else _taken_apart
    frames = [pl.DataFrame(schema=ADJUSTED_SCHEMA if adjusted else BAR_SCHEMA)]
    rows, size = [], 0
    for row in connection.execute(text, values, prepare=False, binary=True):
        rows.append(row)
        size += len(row[2])
        if size >= _AT_ONCE:
            frames.append(taken_apart(rows))
            rows, size = [], 0
    if rows:
        frames.append(taken_apart(rows))
    return pl.concat(frames)


def _taken_apart(rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    """Bars of some securities (`BAR_SCHEMA`); of each its id, how many there are, and their lines."""
    columns = {name: dtype for name, dtype in BAR_SCHEMA.items() if name != "security_id"} | {"session": pl.Int32}
    text = b"\n".join(row[2] for row in rows)
    frame = pl.read_csv(text, has_header=False, separator="\t", quote_char=None, schema=columns)
    whose = pl.DataFrame([row[:2] for row in rows], schema={"security_id": pl.Int64, "bars": pl.UInt32}, orient="row")
    ids = whose.select(pl.col("security_id").repeat_by("bars").explode(empty_as_null=False)).to_series()
    return frame.with_columns(ids, pl.col("session").cast(pl.Date)).select(list(BAR_SCHEMA))


def _adjusted(rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    """The same in today's shares (`ADJUSTED_SCHEMA`); of each security also its ex-dates and the factors at them."""
    factors = pl.DataFrame([(row[0], *row[3:]) for row in rows if row[3]], schema=FACTOR_SCHEMA, orient="row")
    return adjusted_bars(_taken_apart(rows), factors)


def adjusted_bars(bars: pl.DataFrame, factors: pl.DataFrame) -> pl.DataFrame:
    """Bars as printed, in today's shares, as `ohlcv_daily_adjusted` has them.

    A bar's factors stand at its security's first ex-date after its session. After the last one, and without an action,
    it stays as printed.

    Args:
        bars: `BAR_SCHEMA`, those of a security by session.
        factors: `FACTOR_SCHEMA`, each security once.

    Returns:
        `ADJUSTED_SCHEMA`, in the same order.
    """
    # Lists of which one is null explode apart, each by itself.
    filled = [
        pl.when(pl.col(name).is_null())
        .then(pl.lit(1.0).repeat_by(pl.col("ex_dates").list.len()))
        .otherwise(name)
        .alias(name)
        for name in ("split_factors", "dividend_factors")
    ]
    series = (
        factors.with_columns(filled)
        .explode("ex_dates", "split_factors", "dividend_factors", empty_as_null=False)
        .select("security_id", pl.col("ex_dates").alias("session"), "split_factors", "dividend_factors")
    )
    placed = bars.join_asof(
        series, on="session", by="security_id", strategy="forward", allow_exact_matches=False, check_sortedness=False
    )
    split, dividend = pl.col("split_factors").fill_null(1.0), pl.col("dividend_factors").fill_null(1.0)
    prices = [(pl.col(name) * split).alias(name) for name in ("open", "high", "low", "close")]
    return placed.select(
        "security_id", "ticker", "session", *prices,
        (pl.col("volume") / split).alias("volume"),
        (pl.col("close") * split * dividend).alias("total_return_close"),
    )  # fmt: skip
