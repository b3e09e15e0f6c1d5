"""Reading a panel: the bars to judge with the history before them, and what is known about both.

What is out of the ordinary is for `core.judging.judging` to say.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.actions.return_inputs import read_payouts
from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.judging.known_days import known_days, session_minutes
from tickstock_dagster.core.judging.panel import (
    CELLS_SCHEMA,
    FACTS_SCHEMA,
    HISTORY_SESSIONS,
    LONGEST_LEVEL,
    PANEL_SCHEMA,
    QUARANTINED_SCHEMA,
    SHORT_SCALE,
    Panel,
    of_levels,
)
from tickstock_dagster.core.quality.home_markets import HOME_CALENDARS, home_calendar, home_state
from tickstock_dagster.core.valuation.fair_value import MARKET_FUND, SECTOR_FUNDS

_LINES: dict[str, type[pl.DataType]] = {"session": pl.Int32, **{
    name: dtype for name, dtype in PANEL_SCHEMA.items() if name not in ("security_id", "session")
}}  # fmt: skip
_CELL = ["security_id", "session"]

_AT_ONCE = 64 * 2**20
"""Bytes of text that are taken apart together."""


def read_panel(
    engine: sa.Engine, calendar: SessionCalendar, security_ids: Sequence[int], first: date, last: date
) -> Panel:
    """The bars of some securities, and of those that they are compared with, to judge from one session to another.

    The session after the last one comes with them, where it is stored: what its opens take back is wrong. So do bars
    that a load refused, and those that a report has set aside, unless a person confirmed that they are wrong: what the
    rules find does not depend on what they have found before. Of securities whose level of prices may have changed, as
    many further bars come as show whether a level lasts.

    Args:
        engine: the store's.
        calendar: of the market, with its overrides applied.
        security_ids: whose bars are judged.
        first: first judged session.
        last: the last one.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    judged = calendar.sessions(first, last)
    sessions = [*calendar.sessions_before(first, HISTORY_SESSIONS), *judged, calendar.next_session(last)]
    common = frozenset(_references(engine, []))
    ids = sorted({*security_ids, *common, *_references(engine, security_ids)})
    later = sessions_after(calendar, sessions[-1], SHORT_SCALE)
    quarantined, released = _not_stored(engine, ids, sessions, later)
    bars = _with_held(engine, quarantined, ids, sessions)
    # A level begins with a bar that may have been set aside by another rule.
    further = _with_held(engine, quarantined, of_levels(bars, quarantined, released), later)
    payouts = read_payouts(engine, sessions[0], sessions[-1] + LONGEST_LEVEL)
    homes = home_calendars(engine) if calendar.key == MARKET else {}
    closed = {
        key: frozenset(day for day in sessions if home_state(home, calendar, day).closed) for key, home in homes.items()
    }
    known = known_days(sessions) if calendar.key == MARKET else {}
    minutes = session_minutes(calendar, sessions)
    return Panel(
        bars,
        payouts,
        _facts(engine, ids),
        sessions,
        minutes,
        known,
        first,
        closed,
        common=common,
        later_sessions=later,
        quarantined=quarantined,
        later=further,
        released=released,
    )


def _with_held(
    engine: sa.Engine, quarantined: pl.DataFrame, security_ids: Sequence[int], sessions: Sequence[date]
) -> pl.DataFrame:
    """The stored bars, and those set aside where no other is stored (`PANEL_SCHEMA`, by security and session).

    Those that were set aside for their level of prices are `quarantined`: `core.judging.judging` counts them.
    """
    bars = read_bars(engine, security_ids, sessions)
    if not security_ids or not sessions:
        return bars
    values = (",".join(map(str, security_ids)), sessions[0], sessions[-1])
    held = read_frame(engine, statement("quality/panel_held"), values).cast(pl.Schema(PANEL_SCHEMA))
    # What is set aside just now has been read as stored.
    known = pl.concat([bars.select(_CELL), quarantined.filter(pl.col("refused").is_null()).select(_CELL)])
    held = held.join(known, on=_CELL, how="anti").filter(pl.col("session").is_in(list(sessions)))
    return pl.concat([bars, held]).sort(_CELL) if held.height else bars


def _not_stored(
    engine: sa.Engine, ids: Sequence[int], sessions: Sequence[date], later: Sequence[date]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`quarantined` and `released` of a panel."""
    values = {"security_ids": ids, "first": sessions[0], "last": later[-1] if later else sessions[-1]}
    with transaction(engine) as connection:
        aside = connection.execute(statement("quality/panel_quarantined"), values).fetchall()
        right = connection.execute(statement("quality/panel_released"), values).fetchall()
    days = {*sessions, *later}
    quarantined = pl.DataFrame([row for row in aside if row[1] in days], schema=QUARANTINED_SCHEMA, orient="row")
    return quarantined, pl.DataFrame(right, schema=CELLS_SCHEMA, orient="row")


def sessions_after(calendar: SessionCalendar, day: date, count: int) -> list[date]:
    """The first sessions after a day, ascending; fewer at the calendar's end."""
    return calendar.sessions(day, min(calendar.last, day + LONGEST_LEVEL))[1 : count + 1]


def home_calendars(engine: sa.Engine) -> dict[str, SessionCalendar]:
    """The calendars of the markets that price the holdings of funds, with their overrides applied."""
    return {key: calendar_in_force(engine, key) for key in HOME_CALENDARS}


def _facts(engine: sa.Engine, security_ids: Sequence[int]) -> pl.DataFrame:
    """`FACTS_SCHEMA` of some securities."""
    rows = read_frame(engine, statement("quality/panel_facts"), (",".join(map(str, security_ids)),))
    funds = rows.select("reference", "etf_type", "name", "underlying_index").iter_rows()
    names = [home_calendar(*named) if reference is not None else None for reference, *named in funds]
    homes = pl.Series("home", names, dtype=pl.String)
    return rows.with_columns(homes).select(list(FACTS_SCHEMA)).cast(pl.Schema(FACTS_SCHEMA))


def _references(engine: sa.Engine, security_ids: Sequence[int]) -> list[int]:
    """The securities that some are compared with: references of funds, funds of sectors, the market's."""
    values = {"security_ids": list(security_ids), "tickers": [*SECTOR_FUNDS.values(), MARKET_FUND]}
    with transaction(engine) as connection:
        return [security for (security,) in connection.execute(statement("quality/panel_references"), values)]


def read_bars(engine: sa.Engine, security_ids: Sequence[int], sessions: Sequence[date]) -> pl.DataFrame:
    """Bars of some securities on some sessions, ascending: `core.judging.panel.PANEL_SCHEMA`, by security and session.

    Each price is the float next to the stored decimal.
    """
    frames = [pl.DataFrame(schema=PANEL_SCHEMA)]
    if not sessions or not security_ids:
        return frames[0]
    values = {"security_ids": list(security_ids), "first": sessions[0], "last": sessions[-1]}
    rows, size = [], 0
    with transaction(engine) as connection:
        for row in connection.execute(statement("quality/panel_bars"), values, prepare=False, binary=True):
            rows.append(row)
            size += len(row[2])
            if size >= _AT_ONCE:
                frames.append(_taken_apart(rows))
                rows, size = [], 0
    if rows:
        frames.append(_taken_apart(rows))
    # A session that an override cancelled later may still hold rows.
    held = pl.concat(frames)
    days = set(sessions)
    return held if set(held["session"].unique()) <= days else held.filter(pl.col("session").is_in(sorted(days)))


def _taken_apart(rows: Sequence[tuple[int, int, bytes]]) -> pl.DataFrame:
    """Bars of some securities; of each its id, how many there are, and their lines."""
    text = b"\n".join(row[2] for row in rows)
    frame = pl.read_csv(text, has_header=False, separator="\t", quote_char=None, schema=_LINES)
    whose = pl.DataFrame([row[:2] for row in rows], schema={"security_id": pl.Int64, "bars": pl.UInt32}, orient="row")
    ids = whose.select(pl.col("security_id").repeat_by("bars").explode(empty_as_null=False)).to_series()
    return frame.with_columns(ids, pl.col("session").cast(pl.Date)).select(list(PANEL_SCHEMA))
