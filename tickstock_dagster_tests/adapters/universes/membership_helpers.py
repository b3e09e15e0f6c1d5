"""What the tests of memberships share: a dated universe, determinations applied, what was written."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from tickstock_dagster.adapters.postgres.database import open_engine, transaction
from tickstock_dagster.adapters.universes.membership_store import Determination, apply_determinations, members_on
from tickstock_dagster.core.events.universe_data import UniverseUpdated
from tickstock_dagster_tests.adapters.store_helpers import NOW, query

WRITTEN = (
    "universe_memberships", "universe_determinations", "sync_changes_log", "cache_entries", "outbox", "universe_rules",
)  # fmt: skip


def dated(database_url: str, key: str, *aliases: str) -> str:
    """A dated universe without members."""
    query(
        database_url,
        "INSERT INTO cache_entries (key, type, name, value, membership, aliases, created_at, updated_at) "
        "VALUES (%s, 'theme', %s, '[]', 'dated', %s, %s, %s)",
        (key, key.title(), list(aliases), NOW, NOW),
    )
    return key


def determine(
    database_url: str,
    universe: str,
    session: date,
    members: Sequence[int],
    *,
    now: datetime = NOW,
    reasons: Mapping[int, str] | None = None,
    evidence: Mapping[str, Any] | None = None,
    rule_version: int | None = None,
    task: str = "set",
    run_id: str = "run-1",
) -> tuple[UniverseUpdated, ...]:
    """Apply one determination in a transaction of its own."""
    wanted = Determination(universe, session, tuple(members), task, rule_version, reasons or {}, evidence or {})
    with transaction(open_engine(database_url)) as connection:
        return apply_determinations(connection, [wanted], run_id=run_id, now=now)


def tickers_of(database_url: str, universe: str, session: date, known_at: datetime | None = None) -> list[str]:
    """Members of a session, by ticker."""
    return members_on(open_engine(database_url), universe, session, known_at)["ticker"].to_list()


def versions(database_url: str) -> dict[str, list[Any]]:
    """Every row's transaction and place, by table: equal when nothing at all was written."""
    return {
        table: query(database_url, f"SELECT xmin::text, ctid::text FROM {table} ORDER BY ctid")  # noqa: S608
        for table in WRITTEN
    }
