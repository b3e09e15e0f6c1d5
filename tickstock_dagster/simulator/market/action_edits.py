"""Changes to the feed of splits and dividends: rows that the vendor withdraws, moves, adds or tells late.

Bars stay as they are, and `adjusted=true` follows the market's own splits; corrected bars belong in
`simulator.market.corrections`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.simulator.options import parse_instant

Row = dict[str, Any]

DAY_OF = {"splits": "execution_date", "dividends": "ex_dividend_date"}
"""The feeds, and the vendor's name of the ex-date in each."""

_FIELDS = {
    "splits": ("id", "split_from", "split_to", "adjustment_type"),
    "dividends": (
        "id",
        "cash_amount",
        "currency",
        "frequency",
        "distribution_type",
        "declaration_date",
        "record_date",
        "pay_date",
    ),
}
_NEEDED = {"splits": ("split_from", "split_to"), "dividends": ("cash_amount",)}
_DEFAULTS: dict[str, Row] = {
    "splits": {"adjustment_type": "forward_split", "historical_adjustment_factor": 1.0},
    "dividends": {"currency": "USD", "frequency": 4, "distribution_type": "recurring"},
}


@dataclass(slots=True)
class ActionEdits:
    """Differences from the feed as drawn or read."""

    _hidden: dict[tuple[str, str, str], datetime | None] = field(default_factory=dict)
    _added: list[tuple[str, Row, datetime | None]] = field(default_factory=list)

    def clear(self) -> None:
        """Return to the feed as drawn or read."""
        self._hidden.clear()
        self._added.clear()

    def apply(self, feed: str, rows: Sequence[Row], now: datetime) -> list[Row]:
        """The feed's rows at an instant.

        Args:
            feed: splits or dividends.
            rows: as drawn or read; never changed in place.
            now: the vendor's instant.
        """
        if not self._hidden and not self._added:
            return list(rows)
        kept = [row for row in rows if not self._hides(feed, row, now)]
        return kept + [row for name, row, since in self._added if name == feed and (since is None or since <= now)]

    def _hides(self, feed: str, row: Row, now: datetime) -> bool:
        key = (feed, row["ticker"], row[DAY_OF[feed]])
        if key not in self._hidden:
            return False
        until = self._hidden[key]
        return until is None or now < until

    def edit(self, given: Row, rows: Sequence[Row], now: datetime) -> None:
        """Change the feed: `{"feed", "ticker", "ex_date"}` and what becomes of that row.

        `"remove": true` withdraws it, `"move_to": day` tells it for another day under its id, `"not_before": instant`
        tells it late. Fields of the vendor's row add one, whatever their values; with `not_before` from that instant
        on. Rows that were added before are withdrawn and moved like the market's own.

        Args:
            given: the change.
            rows: the feed as drawn or read.
            now: the vendor's instant.

        Raises:
            BadInputError: a field is wrong, or there is no such row; names it.
        """
        feed, ticker = given.get("feed"), given.get("ticker")
        if feed not in DAY_OF:
            raise BadInputError("feed", feed, choices(str(feed), DAY_OF))
        ex_date = _day("ex_date", given.get("ex_date"))
        fields = {name: given[name] for name in _FIELDS[feed] if name in given}
        accepted = ("feed", "ticker", "ex_date", "remove", "move_to", "not_before", *_FIELDS[feed])
        if unknown := set(given) - set(accepted):
            raise BadInputError("actions", min(unknown), f"accepted: {', '.join(accepted)}")
        since = parse_instant(str(given["not_before"])) if given.get("not_before") else None
        if fields:
            if lacking := [name for name in _NEEDED[feed] if name not in fields]:
                raise BadInputError("actions", ticker, f"{lacking[0]} of the row")
            row = {"id": f"X{len(self._added)}", "ticker": ticker, DAY_OF[feed]: ex_date, **_DEFAULTS[feed], **fields}
            self._added.append((feed, row, since))
            return
        found = [row for row in self.apply(feed, rows, now) if (row["ticker"], row[DAY_OF[feed]]) == (ticker, ex_date)]
        if not found or not (given.get("remove") or given.get("move_to") or since):
            raise BadInputError(
                "actions", f"{ticker} {ex_date}", f"a row of {feed}, with remove, move_to or not_before"
            )
        target = _day("move_to", given["move_to"]) if given.get("move_to") else None
        self._hidden[feed, str(ticker), ex_date] = since
        self._added = [entry for entry in self._added if not any(entry[1] is row for row in found)]
        if target:
            self._added += [(feed, row | {DAY_OF[feed]: target}, None) for row in found]


def _day(name: str, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise BadInputError(name, value, "a date, YYYY-MM-DD") from None
