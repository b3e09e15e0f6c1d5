"""Reading memberships: which securities were in a universe on a session, as known at a moment, and why.

Other modules import these from `adapters.universes.membership_store`. Nothing here writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.membership_rows import read_spans
from tickstock_dagster.adapters.universes.store import universe_named
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.universes.memberships import ALWAYS, Span

MEMBER_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "security_id": pl.Int64,
    "ticker": pl.String,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
    "known_from": pl.Datetime("us", "UTC"),
}
"""One member: its ticker on the requested session, and its span in both clocks; `valid_from` is null if it always was
one."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether a security was in a universe on a session, and why.

    Attributes:
        universe: canonical name.
        asked: the requested ticker.
        ticker: the security's ticker on the session; None where it was not listed.
        session: the requested day.
        member: whether it was a member.
        reason: in words.
        since: first session of this membership; None for a member since the start, and for a non-member.
        until: first session after it; None while it lasts.
        known_since: when the store learned of it, UTC.
        determined: session of the determination in force; None where there is none, or seeds alone.
        determined_at: when that determination was made, UTC.
        task: the task that made it.
        rule_version: of the rule that decided; None where none did.
        rank: by the rule; None where the rule does not rank or did not evaluate the security.
        decision: joined, stays, kept, left or refused; None where the security was not evaluated.
        facts: the facts that the rule used.
        verdict: whether it keeps the rules of its type now: passes, fails or unknown; None where it was not validated.
        verdict_reason: why, with the numbers.
    """

    universe: str
    asked: str
    ticker: str | None
    session: date
    member: bool
    reason: str
    since: date | None = None
    until: date | None = None
    known_since: datetime | None = None
    determined: date | None = None
    determined_at: datetime | None = None
    task: str | None = None
    rule_version: int | None = None
    rank: int | None = None
    decision: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    verdict: str | None = None
    verdict_reason: str | None = None


def resolve_universe(engine: sa.Engine, name: str) -> str:
    """The canonical name of a universe, given that name or an alias.

    Raises:
        BadInputError: there is no such universe; names the existing ones.
    """
    return universe_named(engine, name)


def members_on(
    engine: sa.Engine, universe: str, session: date, known_at: datetime | None = None, *, listed: bool = True
) -> pl.DataFrame:
    """The members of a universe on a session.

    Args:
        engine: the store's.
        universe: canonical name; a list has the same members on every session, under the tickers of that session.
        session: the requested day.
        known_at: aware; as known at that moment. None: as known now. A list has only its present state.
        listed: leave out members that were not listed on the session; otherwise their ticker is null.

    Returns:
        `MEMBER_SCHEMA`, by ticker.
    """
    values = {"universe": universe, "session": session, "known_at": known_at}
    with transaction(engine) as connection:
        rows = connection.execute(statement("universes/membership_on"), values).fetchall()
    members = pl.DataFrame(rows, schema=MEMBER_SCHEMA, orient="row").unique("security_id")
    if listed:
        members = members.filter(pl.col("ticker").is_not_null())
    return members.sort("ticker", "security_id", nulls_last=True)


def current_spans(engine: sa.Engine, universe: str) -> list[Span]:
    """All spans of a dated universe as known now, by security and start."""
    with transaction(engine) as connection:
        spans = read_spans(connection, universe)
    return sorted(spans, key=lambda span: (span.security_id, span.valid_from))


def determined_sessions(
    engine: sa.Engine, universe: str, first: date = ALWAYS, last: date = date.max
) -> tuple[date, ...]:
    """Sessions for which the universe's members were determined, ascending.

    Args:
        engine: the store's.
        universe: canonical name.
        first: first session included.
        last: last session included.
    """
    values = {"universe": universe, "first": first, "last": last}
    with transaction(engine) as connection:
        return tuple(row[0] for row in connection.execute(statement("universes/determination_sessions"), values))


def explain(engine: sa.Engine, ticker: str, universe: str, on: date) -> Explanation:
    """Whether, since when and why a security was in a universe.

    Args:
        engine: the store's.
        ticker: stands for the security that held it on that day, or else holds it now.
        universe: canonical name or alias.
        on: the session.

    Raises:
        BadInputError: there is no such universe, or no security ever held that ticker.
    """
    key = resolve_universe(engine, universe)
    with transaction(engine) as connection:
        values = {"universe": key, "ticker": ticker, "session": on}
        row = connection.execute(statement("universes/universe_explain"), values).fetchone()
    if row is None:
        raise BadInputError("ticker", ticker, "a ticker that a known security holds or held")
    _id, then, membership, since, until, known, determined, at, version, task, evidence, *change = row[:15]
    in_list, by_rule, *verdict = row[15:]
    evidence = evidence or {}
    member = since is not None
    if membership == "static":
        reason = f"{'in' if in_list else 'not in'} the list, which is the same on every session"
        return Explanation(key, ticker, then, on, bool(in_list), reason, verdict=verdict[0], verdict_reason=verdict[1])
    return Explanation(
        universe=key,
        asked=ticker,
        ticker=then,
        session=on,
        member=member,
        reason=_reason(determined, evidence, change, member=member, by_rule=by_rule),
        since=None if since == ALWAYS else since,
        until=until,
        known_since=known,
        determined=None if determined == ALWAYS else determined,
        determined_at=at,
        task=task,
        rule_version=version,
        rank=evidence.get("rank"),
        decision=evidence.get("decision"),
        facts=evidence.get("facts") or {},
        verdict=verdict[0],
        verdict_reason=verdict[1],
    )


def _reason(
    determined: date | None, evidence: Mapping[str, Any], change: list[Any], *, member: bool, by_rule: bool
) -> str:
    kind, session, why, _changed_at = change
    waits = " (`tickstock universe sync` determines them)" if by_rule else ""
    if determined is None:
        return f"no members were determined for any session up to that day{waits}"
    if evidence.get("reason"):
        return str(evidence["reason"])
    if kind == ("added" if member else "removed"):
        return f"{kind} from {session} on: {why}" if session else f"{kind} from the start: {why}"
    if determined == ALWAYS:
        return (
            "a member from the start"
            if member
            else f"no seed of the theme, and no members were determined for a session yet{waits}"
        )
    return f"a member by the determination for {determined}" if member else "not among the securities evaluated"


def theme_counts(engine: sa.Engine) -> tuple[int, int]:
    """How many memberships the themes have now, and of how many funds: a fund may stand in several."""
    with transaction(engine) as connection:
        row = connection.execute(statement("universes/theme_counts")).fetchone()
    return (row[0], row[1]) if row else (0, 0)
