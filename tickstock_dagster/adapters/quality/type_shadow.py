"""Reading what a new document of an equity type would have done on the last sessions. Nothing is written.

`core.quality.type_shadow` compares. The same functions as in the work itself say what follows from either document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.frames import read_frame
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.quality.panel import read_panel
from tickstock_dagster.adapters.quality.thresholds import limits_of
from tickstock_dagster.adapters.securities.equity_type_store import read_equity_types
from tickstock_dagster.adapters.universes.facts import read_facts, with_validation
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.judging.findings import RULES, Family, Verdict
from tickstock_dagster.core.judging.judging import judge
from tickstock_dagster.core.loading.processing import PROCESSING_SCHEMA, unit_priorities
from tickstock_dagster.core.priority import Priority
from tickstock_dagster.core.quality.type_documents import checked
from tickstock_dagster.core.quality.type_shadow import (
    VERDICT_SCHEMA,
    AlertChange,
    RetryChange,
    ShadowReport,
    UnitChange,
    retry_changes,
    unit_changes,
    verdict_changes,
)
from tickstock_dagster.core.quality.type_validation import type_of
from tickstock_dagster.core.securities.equity_types import EquityType, UpdateFrequency

Types = Mapping[str, EquityType]


@dataclass(frozen=True, slots=True)
class _Trial:
    """Both sets of rules, and the securities for which they differ, with their vendor's type codes."""

    engine: sa.Engine
    before: Types
    after: Types
    codes: Mapping[int, str | None]

    @property
    def ids(self) -> list[int]:
        return list(self.codes)


def shadow(
    engine: sa.Engine, calendar: SessionCalendar, document: EquityType, *, sessions: int, now: datetime
) -> ShadowReport:
    """What a document would have done on the last closed sessions, had it been in force. Writes nothing.

    Args:
        engine: the store's.
        calendar: the exchange's.
        document: of a known type, or of a new one.
        sessions: how many, at least one.
        now: aware.

    Raises:
        BadInputError: the document overrides a threshold by a value that is not accepted.
        ServiceUnavailableError: the database cannot be reached.
    """
    checked(document)
    latest = calendar.latest_closed_session(now)
    days = tuple([*calendar.sessions_before(latest, sessions - 1), latest] if sessions > 1 else [latest])
    types = read_equity_types(engine)
    after = {**types, document.equity_type: document}
    with transaction(engine) as connection:
        known: dict[int, str | None] = dict(connection.execute(statement("quality/shadow_types")).fetchall())
    codes = {one: code for one, code in known.items() if type_of(code, types) != type_of(code, after)}
    trial = _Trial(engine, types, after, codes)
    gaps = _gaps(trial, days)
    former = types.get(document.equity_type, types["OTHER"])
    retries: tuple[RetryChange, ...] = retry_changes(gaps, former.retry_config, document.retry_config)
    return ShadowReport(
        document.equity_type,
        days,
        len(codes),
        verdict_changes(pl.concat([_verdicts(trial, day) for day in days])),
        tuple(change for day in days for change in _alerts(trial, calendar, day)),
        _units(trial, days),
        retries,
    )


def _verdicts(trial: _Trial, session: date) -> pl.DataFrame:
    facts = read_facts(trial.engine, session).filter(pl.col("security_id").is_in(trial.ids))
    before, after = (with_validation(facts, types) for types in (trial.before, trial.after))
    return facts.select(
        pl.lit(session).alias("session"),
        "ticker",
        before["validation"].alias("before"),
        after["validation"].alias("after"),
        after["validation_reason"].alias("reason"),
        "security_id",
    ).cast(pl.Schema(VERDICT_SCHEMA))


def _alerts(trial: _Trial, calendar: SessionCalendar, session: date) -> list[AlertChange]:
    panel = read_panel(trial.engine, calendar, trial.ids, session, session)
    sides = [judge(panel, limits_of(types)) for types in (trial.before, trial.after)]
    return [
        AlertChange.of(session, family.value, *(_alerted(trial, side, family) for side in sides))
        for family in (Family.PRICE, Family.VOLUME)
    ]


def _alerted(trial: _Trial, findings: pl.DataFrame, family: Family) -> set[str]:
    """The tickers of the trial's securities about which some rule of a family finds what nothing explains."""
    names = [name for name, rule in RULES.items() if rule.family is family]
    alerts = findings.filter(
        pl.col("rule").is_in(names)
        & (pl.col("verdict") != Verdict.EXPLAINED.value)
        & pl.col("security_id").is_in(trial.ids)
    )
    return set(alerts["ticker"])


def _units(trial: _Trial, days: Sequence[date]) -> tuple[UnitChange, ...]:
    """The bars' units of these sessions: a whole-market one is as urgent as its most urgent tracked security."""
    tracked = Expectation.of_tracked(trial.engine, days[0], days[-1]).security_ids
    values = {"first": days[0], "last": days[-1]}
    with transaction(trial.engine) as connection:
        rows = connection.execute(statement("quality/shadow_units"), values).fetchall()
    units = {unit_id: (kind, subject, first, last) for unit_id, kind, subject, first, last, _ in rows}
    cells = [
        (unit_id, security_id, day)
        for unit_id, kind, _, first, last, holder in rows
        for security_id in ((holder,) if kind == "range" else tracked)
        if security_id is not None
        for day in days
        if first <= day <= last
    ]
    asked = pl.DataFrame(
        cells, schema={"unit_id": pl.String, "security_id": pl.Int64, "session": pl.Date}, orient="row"
    )
    ids = ",".join(str(one) for one in asked["security_id"].unique())
    processing = read_frame(trial.engine, statement("loading/processing_of"), (ids,)).cast(pl.Schema(PROCESSING_SCHEMA))
    tried = read_frame(trial.engine, statement("loading/gaps_tried"), (days[0], days[-1])).cast(
        {"security_id": pl.Int64, "session": pl.Date}
    )
    new = pl.DataFrame(
        [(one, of.update_frequency is UpdateFrequency.REALTIME, of.priority.level) for one, of in _new(trial)],
        schema=PROCESSING_SCHEMA,
        orient="row",
    )
    changed = pl.concat([processing.join(new, on="security_id", how="anti"), new])
    sides: list[dict[str, Priority]] = [unit_priorities(asked, side, tried) for side in (processing, changed)]
    return unit_changes(units, sides[0], sides[1])


def _new(trial: _Trial) -> list[tuple[int, EquityType]]:
    return [(one, type_of(code, trial.after)) for one, code in trial.codes.items()]


def _gaps(trial: _Trial, days: Sequence[date]) -> list[tuple[str, date, int]]:
    values = {"security_ids": trial.ids, "sessions": list(days)}
    with transaction(trial.engine) as connection:
        return [tuple(row) for row in connection.execute(statement("quality/shadow_gaps"), values)]
