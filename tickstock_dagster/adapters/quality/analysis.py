"""The quality report of one symbol on demand: as the session's report says it, or would say it. Writes nothing."""

from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.judged import current_findings
from tickstock_dagster.adapters.quality.reports import lacking_of, scored
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.judging.findings import Verdict
from tickstock_dagster.core.quality.lifecycle import Finding
from tickstock_dagster.core.quality.scores import Missing, Scores, recommendations, scores_of


@dataclass(frozen=True, slots=True)
class SymbolQuality:
    """The report of one symbol on one session.

    Attributes:
        symbol: its ticker on the session.
        session: the session.
        scores: 0 (worst) to 100.
        missing: what is owed of its last sessions.
        findings: about it on the session, the worst verdict first.
        recommendations: what to do, the most urgent first.
        stored: whether the session's report has said so; else it was judged now.
    """

    symbol: str
    session: date
    scores: Scores
    missing: Missing
    findings: tuple[Finding, ...]
    recommendations: tuple[str, ...]
    stored: bool


def analyze_symbol_quality(
    engine: sa.Engine, calendar: SessionCalendar, ticker: str, session: date, now: datetime
) -> SymbolQuality:
    """Judge one symbol on one session, in the context of everything tracked.

    Args:
        engine: the store's.
        calendar: of the US market, with its overrides applied.
        ticker: that the security had on the session, or has.
        session: a closed one.
        now: aware.

    Raises:
        BadInputError: no security ever held the ticker, it was not listed on the session, or there is nothing to judge:
            no bar, none owed, and no finding.
        ServiceUnavailableError: the database cannot be reached.
    """
    with transaction(engine) as connection:
        row = connection.execute(statement("quality/symbol_on"), {"ticker": ticker, "session": session}).fetchone()
    if row is None:
        raise BadInputError("ticker", ticker, "a ticker that some security has held")
    security_id, symbol, listed = row
    if not listed:
        raise BadInputError("session", session, f"a session on which {ticker} was listed")
    current = current_findings(engine, calendar, session, also=[(security_id, session, symbol)])
    worst_first = [Verdict.WRONG, Verdict.SUSPICIOUS, Verdict.EXPLAINED]
    findings = sorted(
        (one for one in current.findings if one.key.security_id == security_id),
        key=lambda one: (worst_first.index(one.verdict), one.key.rule),
    )
    missing = lacking_of(engine, calendar, session, now).missing(security_id)
    if not (findings or missing.sessions or _has_bar(engine, security_id, session)):
        raise BadInputError("session", session, f"a session of which a bar of {symbol} is stored or owed")
    counted = [scored(one) for one in findings]
    said = tuple(recommendations(counted, missing))
    scores = scores_of(counted, missing)
    return SymbolQuality(symbol, session, scores, missing, tuple(findings), said, current.stored)


def _has_bar(engine: sa.Engine, security_id: int, session: date) -> bool:
    with transaction(engine) as connection:
        key = {"security_id": security_id, "session": session}
        return connection.execute(statement("quality/has_bar"), key).fetchone() == (True,)
