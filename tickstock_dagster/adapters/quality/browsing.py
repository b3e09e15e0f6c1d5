"""Reading findings for people: lists, one with its history, the verdicts given last, how reliable each rule is.

And what a report's pictures show besides its rows: scores by sector, and the bars of the worst symbols.

Deciding about a finding belongs in `adapters.quality.decisions`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.panel import read_bars
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.judging.findings import RULES
from tickstock_dagster.core.quality.lifecycle import DAILY, FindingRange, Key
from tickstock_dagster.core.quality.reliability import Reliability

SHOWN_SESSIONS = 60
"""Sessions of bars that a picture shows."""

Row = Mapping[str, Any]
"""A row by the names of its columns."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which findings somebody asks for; None: whichever.

    Attributes:
        session: of this session.
        rule: of this rule.
        verdict: with this verdict.
        ticker: of the security that holds or held it.
        state: open, released or confirmed.
        withdrawn: those that were withdrawn, too.
    """

    session: date | None = None
    rule: str | None = None
    verdict: str | None = None
    ticker: str | None = None
    state: str | None = None
    withdrawn: bool = False


def find_finding(engine: sa.Engine, named: Sequence[str]) -> Key:
    """The finding that somebody names.

    Args:
        engine: the store's.
        named: its number; or ticker, session and rule.

    Raises:
        BadInputError: names the part that is not accepted.
    """
    values: dict[str, Any] = dict.fromkeys(("anomaly_id", "session", "rule", "ticker")) | {"dataset": DAILY}
    if len(named) == 1:
        [number] = named
        if not (number.isascii() and number.isdigit() and len(number) < len(str(2**63))):
            raise BadInputError("finding", number, "its number, as `tickstock quality list` shows it")
        values["anomaly_id"] = int(number)
    elif len(named) == len(("ticker", "session", "rule")):
        values["ticker"], session, values["rule"] = named
        values["session"], values["rule"] = session_given(session), rule_given(values["rule"])
    else:
        raise BadInputError("finding", " ".join(named), "its number, or TICKER SESSION RULE")
    with transaction(engine) as connection:
        row = connection.execute(statement("quality/finding_named"), values).fetchone()
    if row is None:
        raise BadInputError("finding", " ".join(named), "a finding of `tickstock quality list`")
    return Key(*row)


def session_given(text: str, field: str = "session") -> date:
    """A session as somebody has written it; `field` is what the error names.

    Raises:
        BadInputError: it is no date.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInputError(field, text, "a date as YYYY-MM-DD") from None


def range_given(given: Mapping[str, str | None], day: Callable[[str, str], date]) -> FindingRange:
    """The range of findings that somebody names.

    Args:
        given: what was written for symbol, rule, first and last session, in this order, by the name of each for errors.
        day: reads a session: the name, and what was written.

    Raises:
        BadInputError: no symbol, rule or first session; or one that is not accepted.
    """
    names = list(given)
    for name in names[:3]:
        if not given[name]:
            raise BadInputError(name, "", f"a value, where no finding is named: a range has {', '.join(names[:3])}")
    ticker, rule, first, last = (text or "" for text in given.values())
    return FindingRange(ticker, rule_given(rule), day(names[2], first), day(names[3], last) if last else None)


def rule_given(text: str) -> str:
    """A rule's name as somebody has written it.

    Raises:
        BadInputError: there is no such rule; says which there are.
    """
    if text not in RULES:
        raise BadInputError("rule", text, choices(text, RULES, limit=len(RULES)))
    return text


def list_findings(engine: sa.Engine, asked: Filter, limit: int) -> list[Row]:
    """The findings that somebody asks for, the newest session first and in it the worst, up to `limit`."""
    values = {
        "session": asked.session,
        "rule": asked.rule,
        "verdict": asked.verdict,
        "ticker": asked.ticker,
        "state": asked.state,
        "withdrawn": asked.withdrawn,
        "limit": limit,
    }
    return _rows(engine, "quality/findings_list", values)


def show_finding(engine: sa.Engine, key: Key) -> tuple[Row, list[Row]]:
    """All that is known of a finding, and its verdicts, the first one first."""
    values = {"security_id": key.security_id, "session": key.session, "rule": key.rule, "dataset": key.dataset}
    [facts] = _rows(engine, "quality/finding_shown", values)
    return facts, _rows(engine, "quality/verdicts_of", values)


def list_verdicts(engine: sa.Engine, ticker: str | None, limit: int) -> list[Row]:
    """The newest verdicts, of everything or of one ticker, up to `limit`."""
    return _rows(engine, "quality/verdicts_list", {"ticker": ticker, "limit": limit})


def read_reliability(engine: sa.Engine) -> list[Reliability]:
    """How reliable each rule is for each type of which it has findings, by rule and type."""
    with transaction(engine) as connection:
        rows = connection.execute(statement("quality/reliability")).fetchall()
    return [
        Reliability(rule, kind, findings, explained, suspicious, wrong, confirmed or (), released or (), threshold)
        for rule, kind, findings, explained, suspicious, wrong, confirmed, released, threshold in rows
    ]


def scores_by_sector(engine: sa.Engine, session: date) -> pl.DataFrame:
    """(sector, symbols, price, volume, freshness, overall): mean scores of a reported session, the lowest first."""
    return read_frame(engine, statement("quality/scores_by_sector"), (session,))


def bars_until(
    engine: sa.Engine, calendar: SessionCalendar, security_ids: Sequence[int], session: date
) -> pl.DataFrame:
    """The bars of some securities on a session and the `SHOWN_SESSIONS` before it: `PANEL_SCHEMA`."""
    return read_bars(engine, security_ids, [*calendar.sessions_before(session, SHOWN_SESSIONS), session])


def _rows(engine: sa.Engine, name: str, values: Mapping[str, Any]) -> list[Row]:
    with transaction(engine) as connection:
        cursor = connection.execute(statement(name), values)
        names = [column.name for column in _columns(cursor)]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def _columns(cursor: psycopg.Cursor[Any]) -> Sequence[psycopg.Column]:
    return cursor.description or ()
