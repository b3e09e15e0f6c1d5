"""Reading the facts by which rules choose members on a session: from stored data alone, in one statement."""

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.securities.equity_type_store import read_equity_types
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.quality.type_validation import Figures, type_of, validate
from tickstock_dagster.core.securities.equity_types import EquityType
from tickstock_dagster.core.universes.facts import FACT_SCHEMA

VOLUME_SESSIONS = 20
CLOSE_SESSIONS = 6
"""The session itself and the 5 before it: an older close says nothing about a security's size on the session."""

_ENOUGH_DAYS = timedelta(days=60)


def read_facts(engine: sa.Engine, session: date) -> pl.DataFrame:
    """Facts about every security that is listed on a session.

    Prices, volumes and shares are those known to the market on the session. Names, classes, AUM, expense ratios and the
    rules of equity types are those known now: no source states them for a past day.

    Args:
        engine: the store's.
        session: a day of the New York calendar; for a day without trading, the sessions before it count.

    Returns:
        `FACT_SCHEMA`, by security.
    """
    sessions = calendar_in_force(engine, MARKET).sessions(session - _ENOUGH_DAYS, session)[-VOLUME_SESSIONS:]
    values = {"session": session, "sessions": sessions, "recent": sessions[-CLOSE_SESSIONS:][0]}
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/facts_on_session"), values).fetchall()
    known = {name: dtype for name, dtype in FACT_SCHEMA.items() if not name.startswith("validation")}
    return with_validation(pl.DataFrame(rows, schema=known, orient="row"), read_equity_types(engine))


def with_validation(facts: pl.DataFrame, types: Mapping[str, EquityType]) -> pl.DataFrame:
    """The facts with what the rules of each security's type say of them.

    Args:
        facts: `FACT_SCHEMA`, with or without a verdict.
        types: the rules by type code, OTHER among them.
    """
    wanted = facts.select("equity_type", "aum_usd", "adv20_usd", "adv20_shares", "expense_ratio")
    found = [
        validate(type_of(code, types).processing_rules.validation_rules, Figures(*numbers))
        for code, *numbers in wanted.iter_rows()
    ]
    verdicts = pl.Series("validation", [str(one.verdict) for one in found], dtype=pl.String)
    reasons = pl.Series("validation_reason", [one.reason for one in found], dtype=pl.String)
    return facts.with_columns(verdicts, reasons).select(list(FACT_SCHEMA))
