"""What the rules find now about some sessions: every rule over everything tracked, without storing anything.

Storing belongs in `adapters.quality.findings`, missing bars in `adapters.quality.gap_alerts`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.findings import Scope, findings_of, read_findings
from tickstock_dagster.adapters.quality.panel import read_panel
from tickstock_dagster.adapters.quality.thresholds import thresholds_of
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.judging.findings import RULES, Verdict
from tickstock_dagster.core.judging.judging import Judgement, judge_all
from tickstock_dagster.core.judging.panel import HISTORY_SESSIONS
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA
from tickstock_dagster.core.loading.end_of_day import latest_due_session
from tickstock_dagster.core.quality.freeing import LEVELS, NOTHING_FREED, Freed, level_words
from tickstock_dagster.core.quality.lifecycle import STALE, Finding, Key, standing
from tickstock_dagster.core.quality.scores import distance

Cell = tuple[int, date, str]
"""Security, session and ticker, as `core.loading.coverage.CELL_SCHEMA`."""

SESSION_RULES = frozenset(RULES) - {STALE, "sources_differ"}
"""The rules that look at the bars of a session: those of `core.judging.judging`.

Missing bars are judged as a whole; bars of days without a session are refused by loads, and named by the check of keys.
"""

SCORED_RULES = SESSION_RULES | {"sources_differ"}
"""The rules whose findings a report scores: what a comparison of sources found counts as well."""


@dataclass(frozen=True, slots=True)
class JudgedSession:
    """What the rules find about one session.

    Attributes:
        session: the judged one.
        cells: `core.loading.coverage.CELL_SCHEMA`: whose bars are expected on it.
        judged: the securities that were looked at: these, and funds that are compared with something.
        findings: about them.
        freed: what is not wrong any more about bars that were set aside, of whatever session.
    """

    session: date
    cells: pl.DataFrame
    judged: tuple[int, ...]
    findings: tuple[Finding, ...]
    freed: Freed = NOTHING_FREED

    @property
    def scope(self) -> Scope:
        """What was looked at."""
        return Scope(self.session, self.session, SESSION_RULES, self.judged)


def judge_sessions(
    engine: sa.Engine,
    calendar: SessionCalendar,
    days: Sequence[date],
    also: Sequence[Cell] = (),
    *,
    look_up: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
) -> Iterator[JudgedSession]:
    """Judge some sessions of everything tracked, in the order of the days, each as if it were judged alone.

    Args:
        engine: the store's.
        calendar: of the US market, with its overrides applied.
        days: closed sessions, ascending.
        also: further cells.
        look_up: adds to the evidence of some findings (`core.judging.findings.FINDING_SCHEMA`), such as news.

    Yields:
        One a session, when it is judged; all of them by bars that were read at the beginning.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    if days:
        yield from _judged(engine, calendar, days, _cells(engine, calendar, days, also), look_up)


def _judged(
    engine: sa.Engine,
    calendar: SessionCalendar,
    days: Sequence[date],
    cells: pl.DataFrame,
    look_up: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
) -> Iterator[JudgedSession]:
    """Judge some cells (`CELL_SCHEMA`) of some sessions; the others as for `judge_sessions`."""
    funds = read_frame(engine, statement("quality/funds_printed"), (days[0], days[-1])).cast(pl.Schema(CELL_SCHEMA))
    looked_at = pl.concat([cells, funds]).unique(["security_id", "session"], maintain_order=True)
    panel = read_panel(engine, calendar, looked_at["security_id"].unique().sort().to_list(), days[0], days[-1])
    limits = thresholds_of(engine)
    for day in days:
        of_day = looked_at.filter(pl.col("session") == day)
        ids = of_day["security_id"].to_list()
        # Judged together, a session would be seen with more history, or with more after it, than alone.
        judgement = judge_all(panel.of_session(day, ids), limits)
        found = judgement.findings.filter(pl.col("session") == day).join(of_day, on="security_id", how="semi")
        yield JudgedSession(
            day,
            cells.filter(pl.col("session") == day),
            tuple(ids),
            tuple(findings_of(look_up(found) if look_up else found)),
            _freed(judgement),
        )


def _freed(judgement: Judgement) -> Freed:
    """What is not wrong any more about bars that were set aside by the rule about levels of prices."""
    levels = judgement.findings.filter((pl.col("rule") == LEVELS) & (pl.col("verdict") != Verdict.WRONG.value))
    return Freed(
        tuple(findings_of(levels)),
        {
            Key(security, session, LEVELS): level_words(session, since)
            for security, session, since in judgement.cleared.iter_rows()
        },
    )


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
) -> SessionFindings:
    """The findings about a session as the store stands now: the stored ones, or made again where it has changed since.

    Args:
        engine: the store's.
        calendar: of the US market, with its overrides applied.
        session: a closed one.
        also: further cells, which may not be tracked.
    """
    return _current(engine, calendar, session, _cells(engine, calendar, [session], also))


def _current(engine: sa.Engine, calendar: SessionCalendar, session: date, cells: pl.DataFrame) -> SessionFindings:
    """The same of some cells (`CELL_SCHEMA`) of the session."""
    ids = cells["security_id"].to_list()
    first = calendar.sessions_before(session, HISTORY_SESSIONS)[0]
    with transaction(engine) as connection:
        last = calendar.next_session(session)
        values = {"session": session, "first": first, "last": last, "security_ids": ids}
        reported = {security for (security,) in connection.execute(statement("quality/reported"), values)}
        stored = read_findings(connection, Scope(session, session, SCORED_RULES))
        printed = connection.execute(statement("quality/printed_on"), values).fetchone()
    count = printed[0] if printed else 0
    if reported and set(ids) <= reported:
        kept = tuple(one.finding for one in stored if not one.withdrawn)
        return SessionFindings(session, kept, count, stored=True)
    [judged] = _judged(engine, calendar, [session], cells)
    # What sources differ in is found by comparing them: it stands, whatever the bars of a session are judged to be.
    beside = [one.finding for one in stored if one.finding.key.rule not in SESSION_RULES and not one.withdrawn]
    of_session = [one for one in stored if one.finding.key.rule in SESSION_RULES]
    return SessionFindings(session, (*standing(of_session, judged.findings), *beside), count, stored=False)


def newest_findings(engine: sa.Engine, calendar: SessionCalendar, now: datetime) -> SessionFindings:
    """The findings about the latest closed session; where none of its bars is stored yet, about the latest one due."""
    latest, due = calendar.latest_closed_session(now), latest_due_session(calendar, now)
    cells = _cells(engine, calendar, [latest], ())
    values = {"session": latest, "security_ids": cells["security_id"].to_list()}
    with transaction(engine) as connection:
        row = connection.execute(statement("quality/printed_on"), values).fetchone()
    if due == latest or (row and row[0]):
        return _current(engine, calendar, latest, cells)
    return current_findings(engine, calendar, due)


def _cells(engine: sa.Engine, calendar: SessionCalendar, days: Sequence[date], also: Sequence[Cell]) -> pl.DataFrame:
    """The expected cells (`CELL_SCHEMA`) of some sessions, and further ones, each once."""
    expected = Expectation.of_tracked(engine, days[0], days[-1], market=calendar.key).cells(days)
    further = pl.DataFrame(also, schema=CELL_SCHEMA, orient="row")
    unknown = further.join(expected, on=["security_id", "session"], how="anti")
    return pl.concat([expected.select(list(CELL_SCHEMA)), unknown])
