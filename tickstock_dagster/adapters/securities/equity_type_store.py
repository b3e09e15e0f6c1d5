"""The rules of equity types in the store: reading, changing and rolling them back, and the verdicts on symbols.

A change is whole or not at all: the current row, its version (which the table keeps by itself), the verdicts on the
symbols of the type, and the events are one transaction. `adapters.loading.processing` applies the rules to the cells of
a load.

Longer than 250 lines because a change and all that follows from it are one transaction.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.events.outbox import write_events
from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.locks import Lock, lock
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.core.errors import BadInputError, choices
from tickstock_dagster.core.events.envelope import ConfigUpdated, EquityTypeChanged, EquityTypeRolledBack, Event
from tickstock_dagster.core.printable import plain_reason
from tickstock_dagster.core.quality.type_documents import checked, document_of
from tickstock_dagster.core.quality.type_validation import Figures, Validation, type_of, validate
from tickstock_dagster.core.securities.equity_types import EquityType

_COLUMNS = (
    "equity_type", "title", "update_frequency", "priority", "processing_rules", "retry_config", "performance_targets",
    "quality",
)  # fmt: skip
_JSON = ("processing_rules", "retry_config", "performance_targets", "quality")


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes rules, why, and by which run: a Dagster run, or cli."""

    by: str
    reason: str
    run_id: str = "cli"

    def __post_init__(self) -> None:
        """Refuse what cannot be kept.

        Raises:
            BadInputError: name or reason is empty, or has control characters.
        """
        plain_reason(self.by, "by")
        plain_reason(self.reason)


@dataclass(frozen=True, slots=True)
class TypeVersion:
    """One state of a type.

    Attributes:
        equity_type: the vendor's type code.
        version: from 1.
        document: as stored; an older release may have accepted what this one refuses.
        former_version: the version in force before; None for the first.
        restores: of a rollback, the version whose document it has again.
        by: who made it.
        reason: why.
        run_id: Dagster run; cli or sql outside of Dagster.
        changed_at: when it came into force.
    """

    equity_type: str
    version: int
    document: Mapping[str, Any]
    former_version: int | None
    restores: int | None
    by: str
    reason: str
    run_id: str
    changed_at: datetime


def read_equity_types(engine: sa.Engine) -> dict[str, EquityType]:
    """Every type by its code, the most urgent first. Reads the store each time: a change needs no restart.

    Raises:
        BadInputError: a row that another program wrote breaks a rule.
        ServiceUnavailableError: the database cannot be reached.
    """
    with transaction(engine) as connection:
        return {code: document for code, (document, _) in _read(connection).items()}


def read_versions(engine: sa.Engine, code: str | None = None) -> list[TypeVersion]:
    """Every version of a type, the newest first; of all types, by code, where none is named.

    Raises:
        BadInputError: there is no such type.
        ServiceUnavailableError: the database cannot be reached.
    """
    with transaction(engine) as connection:
        if code is not None:
            _known(code, _read(connection))
        return _versions(connection, code)


def update_equity_types(
    engine: sa.Engine,
    changes: Mapping[str, Mapping[str, Any]],
    *,
    now: datetime,
    author: Author | None = None,
) -> tuple[str, ...]:
    """Change the rules of some types in one transaction; the same change again writes nothing.

    Args:
        engine: the store's.
        changes: by code, the fields to change as JSON, such as `{"ETF": {"retry_config": {"max_retries": 5}}}`;
            objects are merged with the stored ones, null removes a threshold.
        now: aware.
        author: who, and why; None for a program.

    Returns:
        Codes of the types that changed.

    Raises:
        BadInputError: a code is unknown or a rule is not valid. Nothing is changed, nor are the other types.
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    with _changing(engine) as connection:
        stored = _read(connection)
        wanted = [checked(_known(code, stored).changed(fields)) for code, fields in changes.items()]
        return tuple(
            one.equity_type
            for one in wanted
            if _write(connection, stored[one.equity_type], one, author or _PROGRAM, now) is not None
        )


def set_equity_type(engine: sa.Engine, document: EquityType, author: Author, *, now: datetime) -> int | None:
    """Put a whole document into force, of a known type or of a new one.

    Args:
        engine: the store's.
        document: as `core.quality.type_documents` reads it.
        author: who, and why.
        now: aware.

    Returns:
        The new version; None where the document in force says the same. Then nothing was written.

    Raises:
        BadInputError: a threshold is not accepted; nothing was written.
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    checked(document)
    with _changing(engine) as connection:
        return _write(connection, _read(connection).get(document.equity_type), document, author, now)


def put_in_force(
    engine: sa.Engine,
    code: str,
    wanted: EquityType | Mapping[str, Any],
    author: Author,
    *,
    now: datetime,
) -> tuple[int, bool]:
    """Change one type, by a whole document or by single fields, and say what is in force then.

    Args:
        engine: the store's.
        code: of the type.
        wanted: a document of the type, or fields to change, as for `update_equity_types`.
        author: who, and why.
        now: aware.

    Returns:
        The version in force at the end of the same transaction, whatever others write at the same time; and whether it
        is a new one.

    Raises:
        BadInputError: the type is unknown, or a rule is not valid; nothing was written.
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    with _changing(engine) as connection:
        stored = _read(connection)
        document = wanted if isinstance(wanted, EquityType) else _known(code, stored).changed(wanted)
        version = _write(connection, stored.get(code), checked(document), author, now)
        return (version, True) if version is not None else (stored[code][1], False)


def add_equity_type(
    engine: sa.Engine, values: Mapping[str, Any], *, now: datetime, author: Author | None = None
) -> None:
    """Store a new type, such as a new code of the vendor's.

    Args:
        engine: the store's.
        values: all fields of `core.securities.equity_types.EquityType`, as JSON.
        now: aware.
        author: who, and why; None for a program.

    Raises:
        BadInputError: a rule is not valid, or the type exists.
    """
    new = document_of(values)
    with _changing(engine) as connection:
        if new.equity_type in _read(connection):
            raise BadInputError("equity type", new.equity_type, "a code without a stored type")
        _write(connection, None, new, author or _PROGRAM, now)


def roll_back(
    engine: sa.Engine, code: str, author: Author, *, to: int | None = None, now: datetime
) -> TypeVersion | None:
    """Put an earlier document of a type into force again, as a version of its own.

    Args:
        engine: the store's.
        code: of the type.
        author: who, and why.
        to: the version whose document counts again; None: the one before the document in force, so that a second
            rollback goes back one further.
        now: aware.

    Returns:
        The new version; None where that document is in force already. Then nothing was written.

    Raises:
        BadInputError: there is no such type or version, nothing before it, or this release refuses its document.
        ServiceUnavailableError: the database cannot be reached; nothing was written.
    """
    with _changing(engine) as connection:
        stored = _read(connection)
        _known(code, stored)
        versions = {one.version: one for one in _versions(connection, code)}
        target = _before(code, versions) if to is None else to
        if target not in versions:
            raise BadInputError(f"version of {code}", target, f"a version from 1 to {max(versions)}")
        document = document_of(versions[target].document)
        if _write(connection, stored[code], document, author, now, restores=target) is None:
            return None
        return _versions(connection, code)[0]


def store_validations(engine: sa.Engine, facts: pl.DataFrame, session: date, *, now: datetime) -> int:
    """Store the verdict on every symbol that is listed on a session; the same again writes nothing.

    Verdicts of a later session stay.

    Args:
        engine: the store's.
        facts: `core.universes.facts.FACT_SCHEMA` of the session.
        session: the session.
        now: aware.

    Returns:
        How many verdicts or figures changed.
    """
    wanted = facts.select("security_id", "ticker", "equity_type", *_FIGURES)
    with _changing(engine) as connection:  # so that the rules stay as they are meanwhile
        stored = _read(connection)
        types = {code: document for code, (document, _) in stored.items()}
        rows = []
        for security_id, ticker, code, *numbers in wanted.iter_rows():
            document = type_of(code, types)
            rows.append(_Row(security_id, ticker, session, Figures(*numbers), *stored[document.equity_type]))
        return _write_validations(connection, rows, now)


_PROGRAM = Author("tickstock", "changed by a program", "sql")

_FIGURES = ("aum_usd", "adv20_usd", "adv20_shares", "expense_ratio")
"""Columns of what `Figures` has, in its order."""


@contextmanager
def _changing(engine: sa.Engine) -> Iterator[psycopg.Connection[Any]]:
    """A transaction in which no other one changes the rules: they are read, changed and written back."""
    with transaction(engine) as connection:
        lock(connection, Lock.EQUITY_TYPES)
        yield connection


def _read(connection: psycopg.Connection[Any]) -> dict[str, tuple[EquityType, int]]:
    """Every type with its version, by code."""
    rows = connection.execute(statement("securities/equity_types_read")).fetchall()
    return {row[0]: (document_of(dict(zip(_COLUMNS, row[:-1], strict=True))), row[-1]) for row in rows}


def _known(code: str, stored: Mapping[str, tuple[EquityType, int]]) -> EquityType:
    if code not in stored:
        raise BadInputError("equity type", code, choices(code, stored))
    return stored[code][0]


def _versions(connection: psycopg.Connection[Any], code: str | None) -> list[TypeVersion]:
    rows = connection.execute(statement("securities/equity_type_versions"), {"equity_type": code}).fetchall()
    return [TypeVersion(*row) for row in rows]


def _before(code: str, versions: Mapping[int, TypeVersion]) -> int:
    """The version before the one whose document is in force."""
    newest = versions[max(versions)]
    while newest.restores is not None:
        newest = versions[newest.restores]
    if newest.former_version is None:
        raise BadInputError(f"version of {code}", newest.version, "one with a version before it: this is the first")
    return newest.former_version


def _write(
    connection: psycopg.Connection[Any],
    old: tuple[EquityType, int] | None,
    new: EquityType,
    author: Author,
    now: datetime,
    *,
    restores: int | None = None,
) -> int | None:
    """Write one type with its version, its verdicts and its events; returns the version, None where nothing changed."""
    values = new.to_json()
    texts = {name: json.dumps(values[name]) for name in _JSON}
    said = {"by": author.by, "reason": author.reason, "run_id": author.run_id, "restores": restores}
    connection.execute(statement("securities/equity_types_explain"), {"change": json.dumps(said)})
    row = connection.execute(statement("securities/equity_types_write"), {**values, **texts, "now": now}).fetchone()
    if row is None:
        return None
    version = int(row[0])
    _validate_again(connection, new, version, now)
    write_events(connection, _events(old, values, version, author, now, restores))
    return version


def _events(
    old: tuple[EquityType, int] | None,
    values: dict[str, Any],
    version: int,
    author: Author,
    now: datetime,
    restores: int | None,
) -> list[Event]:
    before = old[0].to_json() if old else {}
    changed = tuple(name for name, value in values.items() if before.get(name) != value)
    common: dict[str, Any] = {
        "version": version,
        "former_version": old[1] if old else None,
        "by": author.by,
        "reason": author.reason,
    }
    updated = ConfigUpdated(
        config="equity_types",
        key=values["equity_type"],
        changed=changed,
        before={name: before[name] for name in changed} if old else None,
        after={name: values[name] for name in changed},
        **common,
    )
    whole = {"equity_type": values["equity_type"], "document": values, "run_id": author.run_id, **common}
    told: EquityTypeChanged | EquityTypeRolledBack = (
        EquityTypeChanged(**whole) if restores is None else EquityTypeRolledBack(**whole, restored_version=restores)
    )
    return [Event.of(data, time=now, dedupe_key=f"v{version}") for data in (updated, told)]


@dataclass(frozen=True, slots=True)
class _Row:
    """One symbol with its figures, and the rules that hold for it with their version."""

    security_id: int
    ticker: str
    session: date
    figures: Figures
    document: EquityType
    version: int

    @property
    def validation(self) -> Validation:
        return validate(self.document.processing_rules.validation_rules, self.figures)


def _validate_again(connection: psycopg.Connection[Any], document: EquityType, version: int, now: datetime) -> None:
    """Apply new rules of a type to the stored figures of its symbols."""
    rows = connection.execute(statement("securities/validations_of_type"), {"equity_type": document.equity_type})
    found = [
        _Row(security, ticker, session, Figures(*numbers), document, version)
        for security, ticker, session, *numbers in rows.fetchall()
    ]
    _write_validations(connection, found, now)


def _write_validations(connection: psycopg.Connection[Any], rows: Sequence[_Row], now: datetime) -> int:
    verdicts = [row.validation for row in rows]

    def figures(name: str) -> Iterable[float | None]:
        return [getattr(row.figures, name) for row in rows]

    values: dict[str, Any] = {
        "security_ids": [row.security_id for row in rows],
        "tickers": [row.ticker for row in rows],
        "sessions": [row.session for row in rows],
        "equity_types": [row.document.equity_type for row in rows],
        "type_versions": [row.version for row in rows],
        "verdicts": [str(one.verdict) for one in verdicts],
        "reasons": [one.reason for one in verdicts],
        **{name: figures(name) for name in _FIGURES},
        "now": now,
    }
    return connection.execute(statement("securities/validations_write"), values).rowcount
