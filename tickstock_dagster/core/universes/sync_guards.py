"""What stops a synchronisation before anything is written: an incomplete session, a missing task, a universe drained.

Each says what is wrong, in numbers, and how a person who has looked at it accepts it.
"""

from collections.abc import Collection
from datetime import date

from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.loading.coverage import Completeness
from tickstock_dagster.core.loading.end_of_day import OBJECTIVE, reaches_objective
from tickstock_dagster.core.universes.synchronisation import TASKS, StagedTask, SyncPlan

MAX_DROP = 0.10
"""Share of a universe that may leave at once; more looks like a broken answer of the vendor."""

FEW = 2
"""So many members may leave any universe: of ten, two are a fifth and no sign of anything."""


class SyncRefusedError(TickstockError):
    """A synchronisation is not applied: its inputs are not what they should be. Says which, and what to do."""


def refuse_incomplete(session: date, state: Completeness | None, *, accepted: bool) -> None:
    """Stop where a session's bars are not there.

    Raises:
        SyncRefusedError: nothing is tracked, or the session is below its objective, and that is not accepted.
    """
    if accepted or (state is not None and reaches_objective(state)):
        return
    if state is None:
        why = "nothing is tracked, so that nobody knows whether its bars are there"
    else:
        due = state.expected - state.final
        why = f"{state.stored} of {due} bars are stored (accepted: at least {OBJECTIVE:.0%})"
    raise SyncRefusedError(
        f"nothing is applied for {session}: {why}. Load it (`tickstock eod --session {session}`), or set "
        "accept_incomplete in the Launchpad"
    )


def refuse_missing(session: date, staged: Collection[StagedTask]) -> None:
    """Stop where a task has not proposed anything yet.

    Raises:
        SyncRefusedError: names the tasks.
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
        accepted: universes of which that was looked at and found right.

    Raises:
        SyncRefusedError: names each universe, how many would leave, and some of them with the reason.
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
            f"{MAX_DROP:.0%}). Where that is right, set accept_drops: [{', '.join(key for key, _ in refused)}] in the "
            "Launchpad"
        )
