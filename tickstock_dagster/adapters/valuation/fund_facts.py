"""Loading daily facts about funds: net asset values and sectors, one unit of the ledger each, as their types want them.

The units are planned, leased by urgency and done in the transaction that stores their rows, so that two runs beside
each other ask once. Which facts are wanted is for `core.valuation.fund_facts`; the switches are read again for each
unit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl
import psycopg

from tickstock_dagster.adapters.ledger.calls import write_calls
from tickstock_dagster.adapters.ledger.context import LoadContext
from tickstock_dagster.adapters.ledger.leases import Holder, UnitQueue, holding
from tickstock_dagster.adapters.ledger.units import (
    FinishedUnit,
    cancel_units,
    finish_units,
    look,
    record_plan,
    unit_states,
)
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.equity_type_store import read_equity_types
from tickstock_dagster.adapters.sources.protocol import (
    FundSource,
    MarketSource,
    NotEntitledError,
    NotFoundError,
    VendorError,
)
from tickstock_dagster.core.loading.ledger import UnitStatus
from tickstock_dagster.core.loading.planning import UnitKind, WorkUnit
from tickstock_dagster.core.valuation.fund_facts import FundFact, wanted_facts


@dataclass(slots=True)
class FundFactsReport:
    """What one session's facts changed.

    Attributes:
        session: the session.
        answered: rows that the vendor stated, by fact.
        written: new or changed rows of funds whose types want them, by fact.
        left: why a fact was not loaded, by fact: stored before, not in the plan, not out yet, switched off.
        calls: calls of the vendor.
    """

    session: date
    answered: dict[FundFact, int] = field(default_factory=dict)
    written: dict[FundFact, int] = field(default_factory=dict)
    left: dict[FundFact, str] = field(default_factory=dict)
    calls: int = 0


def load_fund_facts(context: LoadContext[MarketSource], session: date) -> FundFactsReport:
    """Ask for the facts of a session that types want and no run has asked for, and store what is new.

    Raises:
        VendorError: the vendor failed, or the key is unknown. The unit says so in the ledger; the other fact is loaded.
        ServiceUnavailableError: the database cannot be reached.
    """
    report, engine, source = FundFactsReport(session), context.engine, context.source
    wanted = {one.fact: one for one in wanted_facts(read_equity_types(engine).values())}
    report.left = {fact: "no type wants it" for fact in FundFact if fact not in wanted}
    if not isinstance(source, FundSource):
        report.left |= dict.fromkeys(wanted, f"{source.name} has no facts about funds")
        return report
    seen = look(engine)
    facts = {_unit(context, fact, session): fact for fact in wanted}
    states = unit_states(engine, [unit.unit_id for unit in facts])
    for unit in [one for one in facts if one.unit_id in states and states[one.unit_id].status is UnitStatus.DONE]:
        report.left[facts.pop(unit)] = "stored before for this session"
    priorities = {unit.unit_id: wanted[fact].priority for unit, fact in facts.items()}
    calls_before, failures = context.calls, list[VendorError]()
    record_plan(engine, list(facts), run_id=context.run_id, priorities=priorities, now=context.now(), look=seen)
    with holding(engine, context.run_id) as holder:
        for unit in UnitQueue(holder, facts, context.clock, 1):
            fact = facts.pop(unit)
            failure = _ask(context, holder, unit, fact, report)
            if isinstance(failure, NotEntitledError | NotFoundError):
                report.left[fact] = str(failure)
            elif failure is not None:
                failures.append(failure)
    report.left |= dict.fromkeys(facts.values(), "another run is asking for it")
    report.calls = context.calls - calls_before
    if failures:
        raise failures[0]
    return report


def _unit(context: LoadContext[MarketSource], fact: FundFact, session: date) -> WorkUnit:
    return WorkUnit(UnitKind.ETF_PROFILES, context.market, context.source.name, str(fact), session, session)


def _ask(
    context: LoadContext[MarketSource], holder: Holder, unit: WorkUnit, fact: FundFact, report: FundFactsReport
) -> VendorError | None:
    """Ask for one unit, and store its answer, or why there is none, in one transaction; returns the vendor's error.

    Args:
        context: source of facts about funds, store, market and run.
        holder: who leased the unit.
        unit: the unit.
        fact: what it is about.
        report: added to.
    """
    source = context.source
    assert isinstance(source, FundSource)  # noqa: S101  # nothing else has units
    asks: dict[FundFact, Callable[[date], pl.DataFrame]] = {
        FundFact.NAVS: source.fund_navs,
        FundFact.SECTORS: source.fund_sectors,
    }
    started = context.now()
    failure, rows = None, None
    try:
        rows = asks[fact](unit.last)
    except VendorError as error:
        failure = error
    now, calls = context.now(), context.drain()
    types = {one.fact: one.types for one in wanted_facts(read_equity_types(context.engine).values())}
    with transaction(context.engine) as connection, connection.cursor() as cursor:
        write_calls(cursor, calls, context.source.name, context.run_id)
        if rows is not None:
            report.answered[fact] = rows.height
            report.written[fact] = _store(cursor, fact, rows, types.get(fact, ()), context.source.name, now)
            ended = FinishedUnit(unit, rows.height, started)
            finish_units(cursor, [ended], run_id=context.run_id, now=now, holder=holder.name)
        elif isinstance(failure, NotEntitledError | NotFoundError):  # there is nothing to do about it
            cancel_units(cursor, [unit.unit_id], reason=str(failure), now=now)
        elif failure is not None:
            ended = FinishedUnit.failed(unit, failure, started)
            finish_units(cursor, [ended], run_id=context.run_id, now=now, holder=holder.name)
    return failure


def _store(
    cursor: psycopg.Cursor, fact: FundFact, rows: pl.DataFrame, types: tuple[str, ...], source: str, now: datetime
) -> int:
    """Store the rows of funds of some types; returns how many are new or changed.

    Args:
        cursor: inside a transaction.
        fact: what the rows are about.
        rows: as the protocol's schema of the fact has them.
        types: codes of the types whose funds are stored.
        source: whose rows.
        now: aware.
    """
    values = {
        "tickers": rows["ticker"].to_list(),
        "sessions": rows["effective_date"].to_list(),
        "values": [str(value) for value in rows[rows.columns[1]]],
        "processed": rows["processed_date"].to_list(),
        "types": list(types),
        "source": source,
        "now": now,
    }
    text = "valuation/fund_navs_write" if fact is FundFact.NAVS else "valuation/fund_sectors_write"
    return cursor.execute(statement(text), values).rowcount
