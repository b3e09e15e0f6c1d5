"""Changing the rules of an equity type from the Launchpad: a job with typed configuration."""

from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from tickstock_dagster.adapters.securities.equity_type_store import (
    Author,
    read_versions,
    roll_back,
    set_equity_type,
    update_equity_types,
)
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.quality.type_documents import changes_of_rules, document_of
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource
from tickstock_dagster.defs.runs import failures


class TypeChange(Enum):
    """What to do with the type's rules."""

    CHANGE = "change"
    REPLACE = "replace"
    ROLL_BACK = "roll_back"


class TypeEditConfig(dg.Config):
    """The type, how its rules change, and why. What is not valid is refused whole."""

    equity_type: str = Field(description="The vendor's type code: ETF, CS, …")
    action: TypeChange = Field(
        TypeChange.CHANGE, description="CHANGE single rules, REPLACE the whole document, or ROLL_BACK."
    )
    rules: list[str] = Field(
        [], description="With CHANGE: path=value, such as processing_rules.validation_rules.aum_minimum=100000000."
    )
    document: dict[str, Any] = Field({}, description="With REPLACE: all rules, as docs/equity_type.schema.json says.")
    to_version: int | None = Field(
        None, description="With ROLL_BACK: the version to restore; empty: the one before the rules in force."
    )
    reason: str = Field(description="Why; kept with the version, and published.")
    by: str = Field("Launchpad", description="Who decided it.")


@dg.op(name="edit_rules")
def edit_rules(
    context: dg.OpExecutionContext,
    config: TypeEditConfig,
    warehouse: WarehouseResource,
    notifications: RedisNotifications,
    clock: Clock,
) -> None:
    """Change the rules of one type in one transaction, with the version, the verdicts and the events."""
    with failures():
        engine, now = warehouse.engine(), clock.now()
        author = Author(config.by, config.reason, context.run_id)
        changed = _change(config, engine, author, now)
        newest = read_versions(engine, config.equity_type)[0]
    sent = notifications.dispatch()
    if sent.error:
        context.log.warning("%s notifications wait: %s", sent.left, sent.error)
    context.log.info("%s has version %s%s", config.equity_type, newest.version, "" if changed else ", as before")
    context.add_output_metadata(
        {"version": newest.version, "changed": changed, "document": dg.MetadataValue.json(dict(newest.document))}
    )


def _change(config: TypeEditConfig, engine: Any, author: Author, now: Any) -> bool:
    """Do what the configuration says; False where it is so already.

    Raises:
        BadInputError: the configuration says less, or more, than its action needs, or something that is not valid.
    """
    code = config.equity_type
    given = {
        "rules": bool(config.rules),
        "document": bool(config.document),
        "to_version": config.to_version is not None,
    }
    belongs = {TypeChange.CHANGE: "rules", TypeChange.REPLACE: "document", TypeChange.ROLL_BACK: "to_version"}
    wanted = belongs[config.action]
    if extra := [name for name, is_given in given.items() if is_given and name != wanted]:
        raise BadInputError(extra[0], "a value", f"none with {config.action.name}")
    if config.action is TypeChange.ROLL_BACK:
        return roll_back(engine, code, author, to=config.to_version, now=now) is not None
    if not given[wanted]:
        raise BadInputError(wanted, "nothing", f"what {config.action.name} is to put into force")
    if config.action is TypeChange.CHANGE:
        return bool(update_equity_types(engine, {code: changes_of_rules(config.rules)}, now=now, author=author))
    if config.document.get("equity_type", code) != code:
        raise BadInputError(f"{code}.equity_type", config.document["equity_type"], f"{code}, or nothing")
    return set_equity_type(engine, document_of({**config.document, "equity_type": code}), author, now=now) is not None


@dg.job(description="Changes or rolls back the rules of an equity type. Enter the configuration in the Launchpad.")
def edit_equity_type() -> None:
    """One change of one type."""
    edit_rules()
