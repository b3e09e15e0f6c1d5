"""The rules of equity types in the store: reading them, and changing them all or none, each change with its event.

`adapters.loading.processing` applies the rules to the cells of a load.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.events.envelope import ConfigUpdated, Event
from tickstock_dagster.core.securities.equity_types import EquityType

_COLUMNS = (
    "equity_type", "title", "update_frequency", "priority", "processing_rules", "retry_config", "performance_targets",
)  # fmt: skip
_JSON = ("processing_rules", "retry_config", "performance_targets")


def read_equity_types(engine: sa.Engine) -> dict[str, EquityType]:
    """Every type by its code, the most urgent first. Reads the store each time: a change needs no restart.

    Raises:
        BadInputError: a row that another program wrote breaks a rule.
        ServiceUnavailableError: the database cannot be reached.
    """
    with transaction(engine) as connection:
        return _read(connection)


def update_equity_types(
    engine: sa.Engine, changes: Mapping[str, Mapping[str, Any]], *, now: datetime
) -> tuple[str, ...]:
    """Change the rules of some types in one transaction; the same change again writes nothing.

    Args:
        engine: the store's.
        changes: by code, the fields to change as JSON, such as `{"ETF": {"retry_config": {"max_retries": 5}}}`;
            objects are merged with the stored ones.
        now: aware.

    Returns:
        Codes of the types that changed.

    Raises:
        BadInputError: a code is unknown or a rule is not valid. Nothing is changed, nor are the other types.
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    with transaction(engine) as connection:
        lock(connection, Lock.EQUITY_TYPES)
        stored = _read(connection)
        unknown = next((code for code in changes if code not in stored), None)
        if unknown is not None:
            raise BadInputError("equity type", unknown, choices(unknown, stored))
        wanted = [stored[code].changed(fields) for code, fields in changes.items()]
        return tuple(one.equity_type for one in wanted if _write(connection, stored[one.equity_type], one, now))


def add_equity_type(engine: sa.Engine, values: Mapping[str, Any], *, now: datetime) -> None:
    """Store a new type, such as a new code of the vendor's.

    Args:
        engine: the store's.
        values: all fields of `core.securities.equity_types.EquityType`, as JSON.
        now: aware.

    Raises:
        BadInputError: a rule is not valid, or the type exists.
    """
    new = EquityType.from_json(values)
    with transaction(engine) as connection:
        lock(connection, Lock.EQUITY_TYPES)
        if new.equity_type in _read(connection):
            raise BadInputError("equity type", new.equity_type, "a code without a stored type")
        _write(connection, None, new, now)


def _read(connection: psycopg.Connection[Any]) -> dict[str, EquityType]:
    rows = connection.execute(statement("securities/equity_types_read")).fetchall()
    return {row[0]: EquityType.from_json(dict(zip(_COLUMNS, row, strict=True))) for row in rows}


def _write(connection: psycopg.Connection[Any], old: EquityType | None, new: EquityType, now: datetime) -> bool:
    """Write one type and publish the change; False where nothing changed."""
    values = new.to_json()
    texts = {name: json.dumps(values[name]) for name in _JSON}
    if connection.execute(statement("securities/equity_types_write"), {**values, **texts, "now": now}).rowcount != 1:
        return False
    before = old.to_json() if old else {}
    changed = tuple(name for name, value in values.items() if before.get(name) != value)
    data = ConfigUpdated(
        config="equity_types",
        key=new.equity_type,
        changed=changed,
        before={name: before[name] for name in changed} if old else None,
        after={name: values[name] for name in changed},
    )
    # On a clock that stands still, the values alone tell two changes apart.
    key = f"{now.isoformat()}/{json.dumps(data.after, sort_keys=True)}"
    write_events(connection, [Event.of(data, time=now, dedupe_key=key)])
    return True
