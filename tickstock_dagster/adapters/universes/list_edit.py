"""Editing universes by hand: the members of a list, and whether a universe is tracked. Every edit is logged.

A universe with a rule gets another rule instead (`adapters.universes.rule_edit`); lists with dates are imported
(`adapters.universes.membership_import`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
import sqlalchemy as sa
from psycopg.types.json import Jsonb

from tickstock_dagster.adapters.postgres.database import transaction
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.universes.membership_rows import (
    MembershipChange,
    locked_list,
    revise_list,
    write_changes,
)
from tickstock_dagster.adapters.universes.store import refuse_alias, universe_named
from tickstock_dagster.core.calendars.markets import MARKET
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.printable import plain_reason
from tickstock_dagster.core.securities.tickers import canonical_ticker

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """Tickers that joined and left by an edit, and how many members there are now."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    members: int


def edit_universe(
    engine: sa.Engine,
    universe: str,
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    reason: str,
    run_id: str,
    now: datetime,
) -> EditOutcome:
    """Add and remove members of a list, in one transaction with the log and the event. Adding a member changes nothing.

    Args:
        engine: the store's.
        universe: name or alias of a static universe.
        add: tickers that join at the end, in this order.
        remove: tickers that leave.
        reason: why, for the log and for consumers.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        BadInputError: the universe is unknown or not a list, a ticker is unknown or given twice, a ticker to remove is
            not a member, the reason is missing, or the list would become empty. Nothing was changed.
    """
    why = plain_reason(reason)
    joining = [canonical_ticker(ticker, "add") for ticker in add]
    leaving = [canonical_ticker(ticker, "remove") for ticker in remove]
    named = [*joining, *leaving]
    if doubled := sorted({ticker for ticker in named if named.count(ticker) > 1}):
        raise BadInputError("tickers", ", ".join(doubled), "each ticker once")
    key = universe_named(engine, universe)
    with transaction(engine) as connection:
        members = _members(connection, key)
        if non_members := [ticker for ticker in leaving if ticker not in members]:
            words = f"members of {key}, which are {_shown(members)}; nothing was changed"
            raise BadInputError("remove", ", ".join(non_members), words)
        added = tuple(ticker for ticker in joining if ticker not in members)
        held = dict(
            connection.execute(statement("securities/tickers_held"), {"tickers": [*added, *leaving]}).fetchall()
        )
        if unknown := [ticker for ticker in added if ticker not in held]:
            raise BadInputError("add", ", ".join(unknown), "tickers in a list of the vendor")
        after = [ticker for ticker in members if ticker not in leaving] + list(added)
        if not after:
            raise BadInputError("remove", ", ".join(leaving), f"fewer tickers: {key} would become empty")
        if added or leaving:
            _revise(connection, key, members, after, held, why, run_id, now)
    return EditOutcome(added, tuple(leaving), len(after))


def set_list(
    engine: sa.Engine,
    universe: str,
    tickers: Sequence[str],
    *,
    title: str | None = None,
    reason: str,
    run_id: str,
    now: datetime,
) -> EditOutcome:
    """Make a list, or replace the members of one, with exactly these members in this order.

    Args:
        engine: the store's.
        universe: canonical name; a new one becomes an untracked universe of type list.
        tickers: all members.
        title: of a new universe; by default its name.
        reason: why, for the log and for consumers.
        run_id: the Dagster run, or cli.
        now: aware.

    Raises:
        BadInputError: as for `edit_universe`; or the name is not valid, or an alias of another universe.
    """
    why = plain_reason(reason)
    wanted = [canonical_ticker(ticker, "members") for ticker in tickers]
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,62}", universe):
        raise BadInputError("universe", universe, "a name of lower-case letters, digits and _, such as my_stocks")
    if doubled := sorted({ticker for ticker in wanted if wanted.count(ticker) > 1}):
        raise BadInputError("tickers", ", ".join(doubled), "each ticker once")
    if not wanted:
        raise BadInputError(f"members of {universe}", "none", "at least one ticker: no universe is empty")
    with transaction(engine) as connection:
        refuse_alias(connection, universe)
        held = dict(connection.execute(statement("securities/tickers_held"), {"tickers": wanted}).fetchall())
        if unknown := [ticker for ticker in wanted if ticker not in held]:
            raise BadInputError("members", ", ".join(unknown), "tickers in a list of the vendor")
        made = {"universe": universe, "name": title or universe, "value": Jsonb(wanted), "now": now}
        new = connection.execute(statement("universes/universe_list_make"), made).rowcount == 1
        members = [] if new else _members(connection, universe)
        left = [ticker for ticker in members if ticker not in wanted]
        held |= dict(connection.execute(statement("securities/tickers_held"), {"tickers": left}).fetchall())
        if members != wanted:
            _revise(connection, universe, members, wanted, held, why, run_id, now)
    return EditOutcome(tuple(ticker for ticker in wanted if ticker not in members), tuple(left), len(wanted))


def track_universe(
    engine: sa.Engine,
    universe: str,
    *,
    track: bool,
    track_from: date | None = None,
    reason: str,
    run_id: str,
    now: datetime,
) -> date | None:
    """Set whether the members' bars are expected, and from which session on.

    Args:
        engine: the store's.
        universe: name or alias.
        track: whether to expect bars of the members.
        track_from: the first session of which they are expected. By default the former one, which stays while a
            universe is not tracked; else the latest closed session.
        reason: why, for the log.
        run_id: the Dagster run, or cli.
        now: aware.

    Returns:
        The first session that is or was expected; None where nothing has changed.

    Raises:
        BadInputError: there is no such universe.
    """
    key = universe_named(engine, universe)
    session = library_calendar(MARKET).latest_closed_session(now)
    values = {"universe": key, "track": track, "track_from": track_from, "latest": session, "now": now}
    with transaction(engine) as connection:
        former = connection.execute(statement("universes/universe_tracked"), {"universe": key}).fetchone()
        row = connection.execute(statement("universes/universe_track"), values).fetchone()
        if row:
            before, after = (
                {"track": tracked, "track_from": None if begins is None else str(begins)}
                for tracked, begins in (former or (False, None), (track, row[0]))
            )
            change = MembershipChange(session, None, None, "settings", reason, before, after)
            write_changes(connection, key, [change], task="set", rule_version=None, event=None, run_id=run_id, at=now)
    return row[0] if row else None


def _shown(members: Sequence[str]) -> str:
    """Up to twelve tickers, and how many more there are."""
    more = f" and {len(members) - _SHOWN} more" if len(members) > _SHOWN else ""
    return ", ".join(members[:_SHOWN]) + more


def _members(connection: psycopg.Connection, key: str) -> list[str]:
    """The members of a list, locked until the end of the transaction."""
    membership, members = locked_list(connection, key)
    if membership != "static":
        raise BadInputError(
            "universe", key, "a list; this one chooses its members by rule: `tickstock universe set --rule`"
        )
    return members


def _revise(
    connection: psycopg.Connection,
    key: str,
    before: Sequence[str],
    after: Sequence[str],
    held: Mapping[str, int],
    reason: str,
    run_id: str,
    now: datetime,
) -> None:
    session = library_calendar(MARKET).latest_closed_session(now)
    joined = [ticker for ticker in after if ticker not in before]
    left = [ticker for ticker in before if ticker not in after]
    changes = [
        MembershipChange(session, held.get(ticker), ticker, change, reason)
        for change, tickers in (("added", joined), ("removed", left))
        for ticker in tickers
    ]
    # By number: two edits within one instant, as on a clock that stands still, are two changes.
    [published] = connection.execute(statement("universes/changes_published"), {"universe": key}).fetchone() or (0,)
    dedupe_key = f"edit#{published + 1}"
    revise_list(
        connection, key, after, changes, session=session, task="set", run_id=run_id, dedupe_key=dedupe_key, at=now
    )
