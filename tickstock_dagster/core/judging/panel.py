"""What a judgement looks at: bars of some securities over some sessions, with what is known about both.

Reading it from the store belongs in `adapters.quality`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

HISTORY_SESSIONS = 82
"""Sessions before the first judged one that a judgement needs: a habit of sixty, each against the twenty before."""

PANEL_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "session": pl.Date,
    "ticker": pl.String,
    "open": pl.Float64,
    "high": pl.Float64,
    "low": pl.Float64,
    "close": pl.Float64,
    "volume": pl.Float64,
}
"""Printed bars as stored, each security and session once: raw prices in currency units per share, volumes in shares of
the session. `ticker` as printed on it."""

QUARANTINED_SCHEMA: dict[str, type[pl.DataType]] = {**PANEL_SCHEMA, "refused": pl.String}
"""Bars that are not stored, of cells without a stored bar, each cell once. `refused` says in words why a load did not
take the bar, as received: any of its fields may be null. Null: it was stored, and set aside by `scale_break` alone."""

CELLS_SCHEMA: dict[str, type[pl.DataType]] = {"security_id": pl.Int64, "session": pl.Date}

FACTS_SCHEMA: dict[str, type[pl.DataType]] = {
    "security_id": pl.Int64,
    "equity_type": pl.String,
    "sector": pl.String,
    "reference": pl.Int64,
    "home": pl.String,
}
"""Facts of securities: the vendor's type code, the sector, the security that a fund is compared with, and the calendar
of the one market that prices a fund's holdings. Everything but `security_id` may be null: unknown, or none."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars to judge, with the history before them.

    Attributes:
        bars: `PANEL_SCHEMA`, by security and session.
        payouts: `core.actions.returns.PAYOUT_SCHEMA`, actions as known now.
        facts: `FACTS_SCHEMA`, one row for each security of the bars.
        sessions: of the calendar, ascending: those of the bars, and the judged ones.
        minutes: minutes of trading of each session, without the break.
        known_days: what is expected of some sessions' volumes beforehand, in words, by session.
        first: first session that is judged; those before are history.
        home_closed: sessions on which a fund's home market did not trade, by its calendar.
        quarantined: `QUARANTINED_SCHEMA`: what was refused or set aside, by security and session.
        later: `PANEL_SCHEMA`: further bars after `sessions`, of securities whose level of prices may have changed.
        released: `CELLS_SCHEMA`: bars of which a person said that their level of prices is right.
    """

    bars: pl.DataFrame
    payouts: pl.DataFrame
    facts: pl.DataFrame
    sessions: Sequence[date]
    minutes: Mapping[date, float]
    known_days: Mapping[date, str]
    first: date
    home_closed: Mapping[str, frozenset[date]] = field(default_factory=dict)
    quarantined: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINED_SCHEMA))
    later: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PANEL_SCHEMA))
    released: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CELLS_SCHEMA))
