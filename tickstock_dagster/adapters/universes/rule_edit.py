"""Giving a universe another rule: first a preview of which securities would join and leave, then rule and members.

One transaction writes both, so that every member comes from a rule that was in force.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.facts import read_facts
from tickstock_dagster.adapters.universes.membership_rows import locked_list
from tickstock_dagster.adapters.universes.membership_store import Determination, apply_determinations, members_on
from tickstock_dagster.adapters.universes.rules_store import write_rule
from tickstock_dagster.adapters.universes.store import refuse_alias, universe_names
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.rules import Evaluation, Rule, evaluate


@dataclass(frozen=True, slots=True)
class RulePreview:
    """What a rule would do to a universe from a session on.

    Attributes:
        universe: canonical name.
        new: whether there is no such universe yet.
        session: the first session.
        rule: the rule.
        evaluation: which securities would be members, and why.
        joined: tickers that would join, each with the reason.
        left: tickers that would leave, each with the reason.
    """

    universe: str
    new: bool
    session: date
    rule: Rule
    evaluation: Evaluation
    joined: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]


def preview_rule(engine: sa.Engine, universe: str, rule: Rule, session: date) -> RulePreview:
    """Find which securities would join and leave. Writes nothing.

    Args:
        engine: the store's.
        universe: name of a dated universe, or of one to be made.
        rule: the new rule.
        session: a closed session, whose facts the rule is evaluated on.

    Raises:
        BadInputError: the universe is a list, or would have no member.
    """
    names = universe_names(engine)
    key = names.get(universe, universe)
    before: dict[int, str] = {}
    if universe in names:
        _refuse_list(engine, key)
        before = dict(members_on(engine, key, session).select("security_id", "ticker").iter_rows())
    evaluation = evaluate(rule, read_facts(engine, session), frozenset(before))
    if not evaluation.members:
        raise BadInputError(
            "rule", rule.title, f"a rule that at least one security passes on {session}: {key} would be empty"
        )
    reasons = evaluation.reasons()
    members = {member.security_id: member.ticker for member in evaluation.members}
    return RulePreview(
        key,
        universe not in names,
        session,
        rule,
        evaluation,
        tuple((ticker, reasons[one]) for one, ticker in members.items() if one not in before),
        tuple((ticker, reasons.get(one, "not listed")) for one, ticker in before.items() if one not in members),
    )


def apply_rule(engine: sa.Engine, preview: RulePreview, *, reason: str, run_id: str, now: datetime) -> int | None:
    """Put a previewed rule into force, together with its members.

    Args:
        engine: the store's.
        preview: as `preview_rule` gave it.
        reason: why, for the log.
        run_id: the Dagster run, or cli.
        now: aware.

    Returns:
        The new version; None where the rule in force says the same.

    Raises:
        BadInputError: no reason, or the name became an alias of another universe. Nothing was written.
    """
    entry = {
        "key": preview.universe,
        "type": "rule",
        "name": preview.rule.title,
        "value": "[]",
        "category": "rule",
        "metadata": json.dumps({"title": preview.rule.title}),
        "membership": "dated",
        "aliases": [],
        "now": now,
    }
    evaluation = preview.evaluation
    with transaction(engine) as connection:
        refuse_alias(connection, preview.universe)
        connection.execute(statement("universes/universe_create"), entry)
        version = write_rule(connection, preview.universe, preview.rule, reason=reason, run_id=run_id, now=now)
        if version is not None:
            determination = Determination(
                preview.universe,
                preview.session,
                tuple(member.security_id for member in evaluation.members),
                "set",
                version,
                evaluation.reasons(),
                evaluation.evidence(),
            )
            apply_determinations(connection, [determination], run_id=run_id, now=now)
    return version


def _refuse_list(engine: sa.Engine, key: str) -> None:
    with transaction(engine) as connection:
        membership, _members = locked_list(connection, key)
    if membership == "static":
        raise BadInputError("universe", key, "a universe with a rule; this one is a list (--add, --remove)")
