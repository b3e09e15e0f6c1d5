"""What a load tracks, and what it says of that at its end. Not a command.

Profiles are tracked by loading them; anything else where it is asked for. Choosing what to load belongs in
`cli.loading.selection`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.universes.list_edit import track_universe
from tickstock_dagster.adapters.universes.store import (
    LISTED,
    expect_from,
    join_listed,
    track_listed,
    track_profile,
    universe_entry,
)
from tickstock_dagster.cli.loading.selection import Selection
from tickstock_dagster.cli.workspace import Workspace
from tickstock_dagster.core.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Tracking:
    """What stands about the tracking of what a load chose.

    Attributes:
        universe: canonical name of the loaded universe; None where single symbols were loaded.
        tracked: whether bars of its members are expected on every session.
        members: how many it has.
        track_from: first session on which they are, or were; None where it never was tracked.
        changed: whether this load tracked it, or moved its first session.
        of_file: only what a file has was loaded of it.
    """

    universe: str | None
    tracked: bool = False
    members: int = 0
    track_from: date | None = None
    changed: bool = False
    of_file: bool = False

    def as_json(self) -> dict[str, Any]:
        """For scripts; `tracked` is null where this load has nothing tracked."""
        return {"tracked": self.universe if self.tracked else None, "tracked_from": self.track_from}

    def words(self, first: date) -> str:
        """One line for people, with the command that would change it.

        Args:
            first: first session of the load.
        """
        if self.universe is None:
            way = "`tickstock universe set NAME --symbols … --track`"
            return f"Tracked: nothing by this load, so that no later session owes these symbols; {way} tracks them"
        if not self.tracked:
            again = "the same load with --track"
            way = again if self.of_file else f"`tickstock universe track {self.universe} --from {first}`"
            return f"Tracked: nothing by this load, so that no later session owes {self.universe}; {way} tracks it"
        symbols = "1 symbol" if self.members == 1 else f"{self.members:,} symbols"
        before = "" if self.changed else ", as before"
        way = f"until `tickstock universe untrack {self.universe}`"
        return (
            f"Tracked: {self.universe}, {symbols}, expected on every session from {self.track_from} on{before}, {way}"
        )


def refuse_untrackable(symbols: str | None) -> None:
    """Refuse to track single symbols: what is tracked has a name by which it can be untracked.

    Raises:
        BadInputError: symbols are chosen.
    """
    if symbols:
        accepted = f"--universe or --profile with it; or `tickstock universe set NAME --symbols {symbols} --track`"
        raise BadInputError("--track", f"--symbols {symbols}", accepted)


def track(workspace: Workspace, selection: Selection, now: datetime, *, asked: bool) -> Tracking:
    """Track what the load chose, if that was asked for: its bars are expected from the load's first session on.

    A profile is tracked in any case. A universe that is tracked already is expected from the load's first session on
    where no session lies between; its members stay as they are. Any other load changes nothing of what is expected.

    Args:
        workspace: the services.
        selection: what to load.
        now: aware.
        asked: whether to track it.
    """
    engine, first, last = workspace.engine, selection.sessions[0], selection.sessions[-1]
    reach = workspace.calendar.next_session(last)
    key = _universe_of(selection)
    if key is None:
        return Tracking(None)
    before = universe_entry(engine, key)
    if selection.profile is not None:
        track_profile(engine, selection.profile, track_from=first, reach=reach, now=now)
    elif asked and selection.all_tracked:
        track_listed(engine, last, track_from=first, reach=reach, now=now)
    elif asked and selection.joins_listed:
        join_listed(engine, selection.tickers, track_from=first, reach=reach, now=now)
    elif before and before.track:
        expect_from(engine, first, reach, universe=key, now=now)
    elif asked:
        why = "asked to be loaded and tracked"
        track_universe(engine, key, track=True, track_from=first, reason=why, run_id="cli", now=now)
    after = universe_entry(engine, key)
    if after is None:
        return Tracking(key, of_file=selection.joins_listed)
    changed = before is None or (before.track, before.track_from) != (after.track, after.track_from)
    return Tracking(key, after.track, after.members, after.track_from, changed, selection.joins_listed)


def owed_in_all(workspace: Workspace, now: datetime) -> int:
    """How many bars are owed of everything tracked, up to the latest closed session."""
    calendar, tracked = workspace.calendar, Expectation.of_tracked(workspace.engine)
    return owed_cells(workspace.engine, calendar, calendar.latest_closed_session(now), tracked=tracked).height


def besides_words(rows: int) -> str:
    """What the stored rows of securities are that were not requested."""
    what = "1 row" if rows == 1 else f"{rows:,} rows"
    return f"{what} of other securities, which came in the same answers for the whole market; none of them is expected"


def _universe_of(selection: Selection) -> str | None:
    if selection.profile is not None:
        return selection.profile.universe
    return LISTED if selection.all_tracked or selection.joins_listed else selection.universe
