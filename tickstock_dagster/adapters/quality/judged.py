"""What the rules find now about some sessions: every rule over everything tracked, without storing anything.

Storing belongs in `adapters.quality.findings`, missing bars in `adapters.quality.gap_alerts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.etf_tracking import read_tracking
from tickstock_dagster.adapters.quality.findings import Scope, findings_of, read_findings
from tickstock_dagster.adapters.quality.panel import read_panel
from tickstock_dagster.adapters.quality.thresholds import thresholds_of
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA
from tickstock_dagster.core.loading.end_of_day import latest_due_session
from tickstock_dagster.core.quality.etf_tracking import REFERENCE_GAP, gap_findings
from tickstock_dagster.core.quality.home_markets import HOME_CALENDARS
from tickstock_dagster.core.quality.judging import JUDGED_RULES, judge
from tickstock_dagster.core.quality.lifecycle import Finding, standing
from tickstock_dagster.core.quality.panel import HISTORY_SESSIONS
from tickstock_dagster.core.quality.scores import distance

Cell = tuple[int, date, str]
"""Security, session and ticker, as `core.loading.coverage.CELL_SCHEMA`."""

SESSION_RULES = frozenset({*JUDGED_RULES, REFERENCE_GAP})
"""The rules that look at a session; missing bars are judged as a whole."""


@dataclass(frozen=True, slots=True)
class JudgedSession:
    """What the rules find about one session.

    Attributes:
        session: the judged one.
        cells: `core.loading.coverage.CELL_SCHEMA`: whose bars are expected on it.
        findings: about them, and about funds with a reference.
    """

    session: date
    cells: pl.DataFrame
    findings: tuple[Finding, ...]

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """What was looked at."""
        ids = self.cells["security_id"].to_list()
        return (
            Scope(self.session, self.session, JUDGED_RULES, ids),
            Scope(self.session, self.session, [REFERENCE_GAP]),
        )


def judge_sessions(
    engine: sa.Engine,
    calendar: SessionCalendar,
    days: Sequence[date],
    *,
    also: Sequence[Cell] = (),
    rules: frozenset[str] = SESSION_RULES,
) -> list[JudgedSession]:
    """Judge some sessions of everything tracked, in the order of the days.

    Args:
        engine: the store's.
        calendar: of the US market, with its overrides applied.
        days: closed sessions, ascending.
        also: further cells.
        rules: to apply; what only others need is not read.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    if not days:
        return []
    cells = _cells(engine, calendar, days, also)
    by_day: dict[date, list[Finding]] = {day: [] for day in days}
    if rules & JUDGED_RULES:
        panel = read_panel(engine, calendar, cells["security_id"].unique().sort().to_list(), days[0], days[-1])
        found = judge(panel, thresholds_of(engine)).join(cells, on=["security_id", "session"], how="semi")
        for finding in findings_of(found):
            if finding.key.session in by_day and finding.key.rule in rules:
                by_day[finding.key.session].append(finding)
    if REFERENCE_GAP in rules and calendar.key == MARKET:
        homes = {key: calendar_in_force(engine, key) for key in HOME_CALENDARS}
        for day in days:
            by_day[day] += gap_findings(read_tracking(engine, calendar, homes, day), day)
    return [JudgedSession(day, cells.filter(pl.col("session") == day), tuple(by_day[day])) for day in days]


@dataclass(frozen=True, slots=True)
class SessionFindings:
    """The findings that stand about a session.

    Attributes:
        session: the session.
        findings: in no order.
        printed: how many of the judged securities printed on it.
        stored: whether they are stored; else they were made now.
    """

    session: date
    findings: tuple[Finding, ...]
    printed: int
    stored: bool

    def of_rule(self, *rules: str) -> list[Finding]:
        """Those of some rules, the one furthest from its threshold first, then by ticker."""
        chosen = [one for one in self.findings if one.key.rule in rules]
        return sorted(chosen, key=lambda one: (-distance(one.value, one.threshold), one.ticker))


def current_findings(
    engine: sa.Engine,
    calendar: SessionCalendar,
    session: date,
    *,
    also: Sequence[Cell] = (),
    rules: frozenset[str] = SESSION_RULES,
) -> SessionFindings:
    """The findings about a session as the store stands now: the stored ones, or made again where it has changed since.

    Args:
        engine: the store's.
        calendar: of the US market, with its overrides applied.
        session: a closed one.
        also: further cells, which may not be tracked.
        rules: whose findings are asked for.
    """
    ids = _cells(engine, calendar, [session], also)["security_id"].to_list()
    first = calendar.sessions_before(session, HISTORY_SESSIONS)[0]
    with transaction(engine) as connection:
        values = {"session": session, "first": first, "security_ids": ids}
        reported = {security for (security,) in connection.execute(statement("quality/reported"), values)}
        stored = read_findings(connection, Scope(session, session, rules))
        printed = connection.execute(statement("quality/printed_on"), values).fetchone()
    count = printed[0] if printed else 0
    if reported and set(ids) <= reported:
        kept = tuple(one.finding for one in stored if not one.withdrawn)
        return SessionFindings(session, kept, count, stored=True)
    [judged] = judge_sessions(engine, calendar, [session], also=also, rules=rules)
    return SessionFindings(session, tuple(standing(stored, judged.findings)), count, stored=False)


def newest_findings(
    engine: sa.Engine, calendar: SessionCalendar, now: datetime, *, rules: frozenset[str] = SESSION_RULES
) -> SessionFindings:
    """The findings about the latest closed session; where none of its bars is stored yet, about the latest one due."""
    latest, due = calendar.latest_closed_session(now), latest_due_session(calendar, now)
    ids = _cells(engine, calendar, [latest], ())["security_id"].to_list()
    with transaction(engine) as connection:
        row = connection.execute(statement("quality/printed_on"), {"session": latest, "security_ids": ids}).fetchone()
    return current_findings(engine, calendar, latest if row and row[0] else due, rules=rules)


def _cells(engine: sa.Engine, calendar: SessionCalendar, days: Sequence[date], also: Sequence[Cell]) -> pl.DataFrame:
    """The expected cells (`CELL_SCHEMA`) of some sessions, and further ones, each once."""
    expected = Expectation.of_tracked(engine, days[0], days[-1], market=calendar.key).cells(days)
    further = pl.DataFrame(also, schema=CELL_SCHEMA, orient="row")
    unknown = further.join(expected, on=["security_id", "session"], how="anti")
    return pl.concat([expected.select(list(CELL_SCHEMA)), unknown])
