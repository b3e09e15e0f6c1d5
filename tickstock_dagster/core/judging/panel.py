"""What a judgement looks at: bars of some securities over some sessions, with what is known about both.

Reading it from the store belongs in `adapters.quality`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

HISTORY_SESSIONS = 82
"""Sessions before the first judged one that a judgement needs: a habit of sixty, each against the twenty before."""

SHORT_SCALE = 10
"""Bars off their level by a power of ten up to which they are wrong: two weeks, in which a vendor mends a slip, or a
person looks. More are a level that lasts. Bars that were set aside count."""

JUMP = 1.5
"""Logarithm of a move from which on it is asked whether the level of prices changed by a power of ten."""

LONGEST_LEVEL = timedelta(days=2 * SHORT_SCALE + 10)
"""More days than the sessions have that show whether a level of prices lasts."""

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
        common: securities that any other may be compared with: funds of sectors, and the market's.
        quarantined: `QUARANTINED_SCHEMA`: what was refused or set aside, by security and session.
        later_sessions: of the calendar, after `sessions`, ascending.
        later: `PANEL_SCHEMA`: bars of `later_sessions`, of securities whose level of prices may have changed.
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
    common: frozenset[int] = frozenset()
    quarantined: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINED_SCHEMA))
    later_sessions: Sequence[date] = ()
    later: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PANEL_SCHEMA))
    released: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CELLS_SCHEMA))

    def of_session(self, session: date, security_ids: Collection[int]) -> "Panel":
        """What one session is judged by, however many the panel has: so much history, and the session after it.

        Args:
            session: a judged one.
            security_ids: whose bars are judged on it.
        """
        place = self.sessions.index(session)
        sessions = self.sessions[max(0, place - HISTORY_SESSIONS) : place + 2]
        facts = self.facts.filter(pl.col("security_id").is_in(list(security_ids)))
        ids = {*security_ids, *facts["reference"].drop_nulls(), *self.common}
        later_sessions = [*self.sessions[place + 2 :], *self.later_sessions][:SHORT_SCALE]
        inside, whose = pl.lit(sessions[0]), pl.col("security_id").is_in(sorted(ids))
        bars = self.bars.filter(pl.col("session").is_between(inside, sessions[-1]) & whose)
        days = pl.col("session").is_in([*sessions, *later_sessions])
        quarantined, released = self.quarantined.filter(days & whose), self.released.filter(days & whose)
        further = pl.col("security_id").is_in(of_levels(bars, quarantined, released))
        later = pl.concat([self.bars, self.later]).filter(pl.col("session").is_in(later_sessions) & further)
        last_action = sessions[-1] + LONGEST_LEVEL
        return replace(
            self,
            bars=bars,
            payouts=self.payouts.filter(pl.col("ex_date").is_between(inside, last_action)),
            facts=self.facts.filter(whose),
            sessions=sessions,
            minutes={day: self.minutes[day] for day in sessions},
            first=session,
            quarantined=quarantined,
            later_sessions=later_sessions,
            later=later.sort("security_id", "session"),
            released=released,
        )


def of_levels(bars: pl.DataFrame, quarantined: pl.DataFrame, released: pl.DataFrame) -> list[int]:
    """The securities whose level of prices may have changed, ascending; the frames are those of a panel."""
    step = (pl.col("close") / pl.col("close").shift().over("security_id")).log().abs()
    found = [
        bars.filter(step > JUMP)["security_id"],
        quarantined.filter(pl.col("refused").is_null())["security_id"],
        released["security_id"],
    ]
    return pl.concat(found).unique().sort().to_list()
