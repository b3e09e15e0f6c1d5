"""Guards that stop a synchronisation before it writes: an incomplete session, a missing task, too many departures.

Each message says what is wrong, in numbers, and how a person can accept it after a check.
"""

from collections.abc import Collection
from datetime import date

from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE, reaches_objective
from tickstock_dagster.core.universes.synchronisation import TASKS, StagedTask, SyncPlan

MAX_DROP = 0.10
"""Share of a universe that may leave at once; more suggests a broken answer of the vendor."""

FEW = 2
"""Number of members that may always leave: two of ten are a fifth, but no sign of a broken answer."""


class SyncRefusedError(TickstockError):
    """A synchronisation is not applied because of bad inputs; the message names them, and what to do."""


def refuse_incomplete(session: date, state: Completeness | None, *, accepted: bool) -> None:
    """Stop where a session's bars are incomplete.

    Raises:
        SyncRefusedError: nothing is tracked, or the session is below its objective, and `accepted` is False.
    """
    if accepted or (state is not None and reaches_objective(state)):
        return
    if state is None:
        why = "nothing is tracked, so its completeness is unknown"
    else:
        due = state.expected - state.final
        why = f"{state.stored} of {due} bars are stored (accepted: at least {OBJECTIVE:.0%})"
    raise SyncRefusedError(
        f"nothing is applied for {session}: {why}. Load it (`tickstock eod --session {session}`), or set "
        "accept_incomplete in the Launchpad (`tickstock universe sync --accept-incomplete`)"
    )


def refuse_missing(session: date, staged: Collection[StagedTask]) -> None:
    """Stop where a task has not proposed anything yet.

    Raises:
        SyncRefusedError: a task left no proposals; the message names the tasks.
    """
    if missing := [task for task in TASKS if task not in {one.task for one in staged}]:
        raise SyncRefusedError(
            f"nothing is applied for {session}: {', '.join(missing)} left no proposals: materialise "
            f"{'it' if len(missing) == 1 else 'them'} for that session first (the job universe_sync does all of it)"
        )


def refuse_drops(session: date, plan: SyncPlan, *, accepted: Collection[str]) -> None:
    """Stop where much of a universe would leave at once.

    Args:
        session: the session.
        plan: what would be applied.
        accepted: universes whose departures a person has checked and accepted.

    Raises:
        SyncRefusedError: the message names each universe, how many members would leave, and some of them with reasons.
    """
    refused = []
    for change in (*plan.changes, *plan.emptied):
        doubtful = [departure for departure in change.departures if not departure.certain]
        members = len(change.universe.members)
        if len(doubtful) > FEW and len(doubtful) > MAX_DROP * members and change.universe.key not in accepted:
            some = ", ".join(f"{one.ticker} ({one.reason})" for one in doubtful[:3])
            refused.append(
                (change.universe.key, f"{len(doubtful)} of {members} would leave {change.universe.key}: {some}")
            )
    if refused:
        raise SyncRefusedError(
            f"nothing is applied for {session}: {'; '.join(words for _, words in refused)} (accepted: at most "
            f"{MAX_DROP:.0%}). If that is right, set accept_drops: [{', '.join(key for key, _ in refused)}] in the "
            f"Launchpad (`tickstock universe sync --accept-drops {','.join(key for key, _ in refused)}`)"
        )
