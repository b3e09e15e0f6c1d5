"""One run of a bar asset: its store and source, its request, and the load.

What the run did is reported to Dagster in `defs.bars.reports`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
import polars as pl

from tickstock_dagster.adapters.bars.load_values import LoadReport, LoadRequest
from tickstock_dagster.adapters.bars.loader import BarLoader, LoadProgress
from tickstock_dagster.adapters.bars.store import NOTHING_STORED
from tickstock_dagster.adapters.loading.coverage import span_states
from tickstock_dagster.adapters.loading.expectation import Expectation, universe_tickers_between
from tickstock_dagster.adapters.universes.store import (
    LISTED,
    expect_from,
    listed_tickers,
    tracked_universes,
    universe_named,
)
from tickstock_dagster.core.loading.coverage import CELL_SCHEMA, Completeness
from tickstock_dagster.core.loading.planning import LoadPlan
from tickstock_dagster.defs.runs import SourceRun, failures

NOTHING_TRACKED = "nothing by this load, which was for chosen tickers or one universe: what is tracked stays as it is"
"""What a load of chosen tickers, or of one universe, says of tracking."""


@dataclass(frozen=True, slots=True)
class BarRun(SourceRun):
    """One run of a bar asset."""

    def tracked(self, days: Sequence[date]) -> Expectation:
        """What is expected on some sessions."""
        return Expectation.of_tracked(self.engine, min(days), max(days), market=self.market)

    def expect(self, days: Sequence[date]) -> None:
        """Expect everything tracked from the first of some sessions on, as loading all of them asks for."""
        if days:
            reach = self.calendar.next_session(days[-1])
            expect_from(self.engine, days[0], reach, market=self.market, now=self.clock.now())

    def tracking_words(self) -> str:
        """The tracked universes with members in the market, each with the first session on which bars are expected."""
        found = tracked_universes(self.engine, self.market)
        return ", ".join(f"{key} from {begins} on" for key, begins in found.items()) or "nothing"

    def states(self, expectation: Expectation, days: Sequence[date]) -> dict[date, Completeness]:
        """Each session's completeness; none for a session on which nothing was expected."""
        return {state.session: state for state in span_states(self.engine, expectation, sorted(days))[0]}

    def request(
        self,
        days: Sequence[date],
        tickers: Sequence[str] = (),
        universe: str = "",
        *,
        owed: bool = False,
        ask_again: bool = False,
    ) -> LoadRequest:
        """What to load on closed sessions: chosen tickers, one universe's members, or else everything tracked.

        Args:
            days: closed sessions, ascending; none where an override cancelled them all.
            tickers: load only these.
            universe: load only this universe's members, as of each session; its name or alias, "" for none. Where a
                list of the last session is stored, us_listed stands for everything listed on it.
            owed: of everything tracked, only what is owed: nothing before a universe's first session.
            ask_again: request gaps although their retry is not due.

        Raises:
            Failure: both are chosen, or there is no such universe.
        """
        if tickers and universe:
            raise dg.Failure("tickers and universe are both given: one of them is accepted", allow_retries=False)
        if tickers:
            return LoadRequest(tuple(tickers), tuple(days), ask_again=ask_again, strict=True)
        if universe == LISTED and days and (listed := listed_tickers(self.engine, days[-1])):
            return LoadRequest(listed, tuple(days), ask_again=ask_again)
        with failures():
            names = (universe_named(self.engine, universe),) if universe else None
        # Without a session (all are cancelled) nothing is requested, and any span shows whether something is tracked.
        first, last = (days[0], days[-1]) if days else (date.min, date.max)
        members = universe_tickers_between(self.engine, names, first, last, market=self.market)
        if universe and not members:
            words = f"universe {universe} has no member on {first} to {last}: materialise universes/membership for them"
            raise dg.Failure(words, allow_retries=False)
        return LoadRequest(members, tuple(days), universes=names or (), owed=owed, ask_again=ask_again)

    def load(self, request: LoadRequest, progress: LoadProgress | None = None) -> LoadReport:
        """Load, with errors for people as a `Failure`. Without a session (all are cancelled) nothing is requested.

        The loader calls `progress` after each batch that it has stored.

        Raises:
            Failure: bad input, no rights, or no store. Not retried: the loader has retried what may go away.
        """
        if not request.tickers:
            raise dg.Failure(
                "nothing is tracked: track a universe or a profile first (`tickstock load --profile dev`)",
                allow_retries=False,
            )
        if not request.sessions:
            plan = LoadPlan((), 0, pl.DataFrame(schema=CELL_SCHEMA), 0, 0.0, None)
            nothing = Expectation.nothing()
            return LoadReport(request.tickers, nothing, plan, NOTHING_STORED, (), {}, (), (), (), 0, 0.0)
        with failures():
            return BarLoader(self.load_context, self.calendar, progress=progress).load(request)
