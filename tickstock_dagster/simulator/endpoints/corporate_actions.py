"""Splits and dividends: the current endpoints and the deprecated ones.

Rows have the security's latest ticker, as at the vendor, whatever its ticker was on the day.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.clock import eastern_date
from tickstock_dagster.simulator.http import pages
from tickstock_dagster.simulator.http.call import Call
from tickstock_dagster.simulator.http.pages import ListShape, list_answer
from tickstock_dagster.simulator.market.securities import DividendEvent, Security, SplitEvent, stable_hash
from tickstock_dagster.simulator.market.tape import Tape

ANNOUNCED_AHEAD = timedelta(days=14)
"""How long before it takes effect a split is in the feed."""

SPLITS = ListShape(
    filters={"ticker": pages.text, "execution_date": pages.day, "adjustment_type": pages.text},
    sorts=(
        "execution_date", "ticker", "adjustment_type", "id", "split_from", "split_to", "historical_adjustment_factor",
    ),
    default_sort="execution_date.desc",
    default_limit=100,
    max_limit=5_000,
    new_style=True,
    tie="id",
    counted=False,
)  # fmt: skip
OLD_SPLITS = ListShape(
    filters={"ticker": pages.text, "execution_date": pages.day},
    sorts=("execution_date", "ticker"),
    default_sort="execution_date.desc",
    default_limit=10,
    max_limit=1_000,
    new_style=False,
    tie="id",
    counted=False,
)
DIVIDENDS = ListShape(
    filters={
        "ticker": pages.text,
        "ex_dividend_date": pages.day,
        "frequency": pages.number,
        "distribution_type": pages.text,
    },
    sorts=(
        "ticker", "ex_dividend_date", "frequency", "distribution_type", "id", "declaration_date", "record_date",
        "pay_date", "cash_amount", "currency", "split_adjusted_cash_amount", "historical_adjustment_factor",
    ),
    default_sort="ticker.asc",
    default_limit=100,
    max_limit=5_000,
    new_style=True,
    tie="id",
    counted=False,
)  # fmt: skip
OLD_DIVIDENDS = ListShape(
    filters={
        "ticker": pages.text,
        "ex_dividend_date": pages.day,
        "record_date": pages.day,
        "declaration_date": pages.day,
        "pay_date": pages.day,
        "frequency": pages.number,
        "cash_amount": pages.number,
        "dividend_type": pages.text,
    },
    sorts=("ex_dividend_date", "pay_date", "declaration_date", "record_date", "cash_amount", "ticker"),
    default_sort="ex_dividend_date.desc",
    default_limit=10,
    max_limit=1_000,
    new_style=False,
    tie="id",
    counted=False,
)


def _ticker_of(security: Security, today: date) -> str:
    return security.ticker_on(today) or security.last_ticker


@lru_cache(maxsize=65_536)
def _id(kind: str, key: str, day: date) -> str:
    return f"{kind}{stable_hash(f'{kind}:{key}:{day}'):016x}"


def feed_rows(feed: str, tape: Tape, now: datetime) -> list[dict[str, Any]]:
    """The rows of a feed (splits or dividends) as drawn or read, before any change of `ActionEdits`."""
    today = eastern_date(now)
    return tape.remembered((feed, today), lambda: _BUILDERS[feed](tape, today))


def _build_splits(tape: Tape, today: date) -> list[dict[str, Any]]:
    rows = []
    for security in tape.data.securities:
        cumulative, ticker = 1.0, _ticker_of(security, today)
        known = [split for split in tape.data.splits(security) if split.ex_date <= today + ANNOUNCED_AHEAD]
        for split in reversed(known):
            cumulative *= split.price_factor
            rows.append(
                {
                    "id": _id("E", security.key, split.ex_date),
                    "ticker": ticker,
                    "execution_date": split.ex_date.isoformat(),
                    "split_from": _whole(split.split_from),
                    "split_to": _whole(split.split_to),
                    "adjustment_type": split.kind,
                    "historical_adjustment_factor": round(cumulative, 6),
                }
            )
    return rows


def _build_dividends(tape: Tape, today: date) -> list[dict[str, Any]]:
    rows = []
    for security in tape.data.securities:
        executed = [split for split in tape.data.splits(security) if split.ex_date <= today]
        known = [event for event in tape.data.dividends(security) if event.declared_on <= today]
        ticker = _ticker_of(security, today)
        state = (ticker, len(executed), len(known))  # neither becomes fewer, nor another one, as time passes
        build = partial(_dividends_of, security, ticker, executed, known)
        rows += tape.remembered_part(("dividends", security.key), state, build)
    return rows


def _dividends_of(
    security: Security, ticker: str, executed: Sequence[SplitEvent], known: Sequence[DividendEvent]
) -> list[dict[str, Any]]:
    """The rows of one security, the latest first.

    Args:
        security: which.
        ticker: as the feed shows it.
        executed: its splits until now.
        known: its declared dividends, oldest first.
    """
    rows, cumulative = [], 1.0
    for event in reversed(known):
        cumulative *= 1 - event.fraction
        factor = 1.0
        for split in executed:
            factor *= split.price_factor if event.ex_date < split.ex_date else 1.0
        rows.append(
            {
                "id": _id("D", security.key, event.ex_date),
                "ticker": ticker,
                "ex_dividend_date": event.ex_date.isoformat(),
                "declaration_date": event.declared_on.isoformat(),
                "record_date": event.record_date.isoformat(),
                "pay_date": event.pay_date.isoformat(),
                "cash_amount": event.cash_amount,
                "currency": "USD",
                "frequency": event.frequency,
                "distribution_type": event.kind,
                "split_adjusted_cash_amount": round(event.cash_amount * factor, 6),
                "historical_adjustment_factor": round(cumulative, 6),
            }
        )
    return rows


_BUILDERS = {"splits": _build_splits, "dividends": _build_dividends}


def _rows(feed: str, call: Call) -> list[dict[str, Any]]:
    return call.tape.action_edits.apply(feed, feed_rows(feed, call.tape, call.now), call.now)


def _whole(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def splits(call: Call) -> dict[str, Any]:
    """`/stocks/v1/splits`. A factor is cumulative over this split and all later ones in the feed."""
    return list_answer(SPLITS, _rows("splits", call), pages.opened(call.query), f"{call.origin}{call.path}")


def old_splits(call: Call) -> dict[str, Any]:
    """`/v3/reference/splits`, deprecated: no type and no factor."""
    names = ("id", "ticker", "execution_date", "split_from", "split_to")
    query = pages.opened(call.query)
    rows: list[dict[str, Any]] = [{name: row.get(name) for name in names} for row in _rows("splits", call)]
    if query.get("reverse_split"):
        wanted = wire.parse_flag(query, "reverse_split", False)
        rows = [row for row in rows if (row["split_from"] > row["split_to"]) == wanted]
    return list_answer(OLD_SPLITS, rows, query, f"{call.origin}{call.path}")


def dividends(call: Call) -> dict[str, Any]:
    """`/stocks/v1/dividends`."""
    return list_answer(DIVIDENDS, _rows("dividends", call), pages.opened(call.query), f"{call.origin}{call.path}")


def old_dividends(call: Call) -> dict[str, Any]:
    """`/v3/reference/dividends`, deprecated."""
    rows = []
    for row in _rows("dividends", call):
        kept = {
            name: value
            for name, value in row.items()
            if not name.startswith(("split_", "distribution_", "historical_"))
        }
        rows.append(kept | {"dividend_type": "CD"})
    return list_answer(OLD_DIVIDENDS, rows, pages.opened(call.query), f"{call.origin}{call.path}")
