"""Rules in the store: a new version is a new row, the highest is in force, and every version is in the log."""

import json
from datetime import date, datetime
from typing import Any

import psycopg

from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.membership_rows import lock_memberships
from tickstock_dagster.core.printable import plain_reason
from tickstock_dagster.core.universes.rules import Rule


def write_rule(
    connection: psycopg.Connection[Any], universe: str, rule: Rule, *, reason: str, run_id: str, now: datetime
) -> int | None:
    """Put a rule into force, in the caller's transaction; members stay until the next determination.

    Args:
        connection: inside a transaction.
        universe: canonical name of an existing dated universe.
        rule: the rule; `Rule.from_json` reads one from JSON.
        reason: why, for the log.
        run_id: the Dagster run, or cli.
        now: aware.

    Returns:
        The new version; None where the rule in force is the same; then nothing was written.

    Raises:
        BadInputError: `reason` is empty, or cannot be shown.
    """
    plain_reason(reason)
    lock_memberships(connection)
    values = {"universe": universe, "rule": json.dumps(rule.to_json()), "reason": reason, "now": now}
    row = connection.execute(statement("universes/rules_write"), values).fetchone()
    if row is None:
        return None
    version = int(row[0])
    bounds = rule.liquidity_filter()
    projected = {
        "liquidity_filter": None if bounds is None else json.dumps(bounds),
        "metadata": json.dumps({"title": rule.title, "rule_version": version}),
    }
    connection.execute(statement("universes/rules_project"), {**values, **projected})
    logged = {**values, "version": version, "session": _day(now), "run_id": run_id}
    connection.execute(statement("universes/rules_log"), logged)
    return version


def _day(now: datetime) -> date:
    return now.date()
