"""What an end-of-day run publishes about its session: its status, that it is complete, and the summary at its end.

`adapters.loading.end_of_day` makes the events.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Self

import dagster as dg

from tickstock_dagster.adapters.bars.load_values import LoadReport
from tickstock_dagster.adapters.loading.coverage import gaps_by_reason, span_states
from tickstock_dagster.adapters.loading.end_of_day import (
    AttemptStatus,
    completion_event,
    declare_complete,
    newest_declared,
    publish_status,
    record_caught_up,
)
from tickstock_dagster.adapters.loading.expectation import Expectation
from tickstock_dagster.adapters.sources.market_files import MarketFileSource
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.events.envelope import EodState
from tickstock_dagster.core.loading.coverage import FINAL_REASONS, Completeness
from tickstock_dagster.core.markdown import markdown_table
from tickstock_dagster.defs.automation import eod_attempts
from tickstock_dagster.defs.bars.runs import BarRun
from tickstock_dagster.defs.resources import RedisNotifications
from tickstock_dagster.defs.tags import CATCH_UP, SESSION_TAG, TRIGGER_TAG, eod_tags

PROGRESS_STEPS = 10
"""How often one attempt publishes its progress at most."""

PHASES = ("listing", "plan", "fetch", "store", "settle")


@dataclass(slots=True)
class EodAttempt:
    """One attempt at a session, which publishes its status while it runs.

    Attributes:
        session: the session; None where the attempt publishes nothing: for an old session, a range, a part of what is
            tracked, or a session that is declared complete already.
        number: counts the session's attempts from 1.
    """

    context: dg.AssetExecutionContext
    run: BarRun
    notifications: RedisNotifications
    session: date | None
    number: int
    _step: int = 0
    _reachable: bool = True

    @classmethod
    def of(
        cls,
        context: dg.AssetExecutionContext,
        run: BarRun,
        days: Sequence[date],
        notifications: RedisNotifications,
        *,
        chosen: bool,
    ) -> Self:
        """The attempt that a run makes.

        Args:
            context: of the run.
            run: the same run, with store and calendar.
            days: its closed sessions.
            notifications: sends the events.
            chosen: the run loads only a part of what is tracked.
        """
        session = days[0] if len(days) == 1 and not chosen and is_reported(context, run, days[0]) else None
        if session is None or completion_event(run.engine, session, run.market):
            return cls(context, run, notifications, None, 1)
        runs = eod_attempts(context.instance, session, run.market)
        ours = eod_tags(session, run.market).items() <= context.run.tags.items()
        return cls(context, run, notifications, session, max(1, runs if ours else runs + 1))

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Publish that the attempt started, and that it failed if the block raises."""
        self._publish("started")
        try:
            yield
        except BaseException as error:
            words = error.description if isinstance(error, dg.Failure) else str(error)
            self._publish("failed", message=(words or type(error).__name__).splitlines()[0])
            raise

    def progress(self, done: int, total: int, tracked: Expectation) -> None:
        """Publish how many work units are stored, at every tenth of them."""
        step = PROGRESS_STEPS * done // total
        if step > self._step:
            self._step = step
            self._publish("progress", tracked, f"{done}/{total}", f"{done} of {total} units are stored")

    def ended(self, why: str, tracked: Expectation) -> None:
        """Publish that the session stays incomplete, unless it was declared complete."""
        if self.session and not completion_event(self.run.engine, self.session, self.run.market):
            self._publish("incomplete", tracked, message=why)

    def _publish(
        self, what: EodState, tracked: Expectation | None = None, step: str = "", message: str | None = None
    ) -> None:
        """Write the event and send it. The run does not fail when the store or Redis is away.

        `tracked` is what the load has resolved of what is tracked on the session, if it has got that far.
        """
        if self.session is None:
            return
        try:
            tracked = tracked or self.run.tracked([self.session])
            states, gaps = span_states(self.run.engine, tracked, [self.session])
            status = AttemptStatus(
                states[0] if states else Completeness(self.session, 0, 0, 0, 0),
                gaps,
                state=what,
                market=self.run.market,
                attempt=self.number,
                run_id=self.run.run_id,
                step=step,
                message=message,
            )
            publish_status(self.run.engine, status, now=self.run.clock.now())
            if self._reachable:
                self._reachable = self.notifications.dispatch().error is None
        except TickstockError as error:
            self.context.log.warning("cannot publish that the attempt is %s: %s", what, error)


def is_reported(context: dg.AssetExecutionContext, run: BarRun, session: date) -> bool:
    """Whether runs publish events of a session: the latest closed one, and the one that an end-of-day run is for."""
    tags = context.run.tags
    wanted = tags.get(SESSION_TAG) if tags.get(TRIGGER_TAG) == "eod" else None
    return str(session) == wanted or session == run.calendar.latest_closed_session(run.clock.now())


def declare_end_of_day(
    context: dg.AssetExecutionContext,
    run: BarRun,
    complete: Sequence[Completeness],
    tracked: Expectation,
    gaps: Mapping[str, int] | None = None,
) -> None:
    """Publish the end of the latest closed session, and of any session that an end-of-day run was for.

    Sessions that were caught up on are recorded without an event. Where a market's file comes after the next close, the
    newest session that it has is the market's newest: its end is published, unless that of a later one was.

    Args:
        context: of the run.
        run: the same run, with store and calendar.
        complete: the complete sessions.
        tracked: what is expected on them.
        gaps: by reason, where there is one session and the caller has them already.
    """
    caught_up = context.run.tags.get(TRIGGER_TAG) == CATCH_UP
    newest = _newest_of_file(run) if caught_up else None
    if caught_up:
        record_caught_up(
            run.engine,
            [state for state in complete if state.session != newest],
            market=run.market,
            source=run.source.name,
            run_id=run.run_id,
            started_at=run.started_at,
            now=run.clock.now(),
        )
    for state in complete:
        if state.session == newest or (not caught_up and is_reported(context, run, state.session)):
            declare_complete(
                run.engine,
                state,
                gaps_by_reason(run.engine, tracked.cells([state.session])) if gaps is None else gaps,
                market=run.market,
                source=run.source.name,
                run_id=run.run_id,
                started_at=run.started_at,
                now=run.clock.now(),
            )


def _newest_of_file(run: BarRun) -> date | None:
    """The newest session that a market's file has; None where a later one is recorded, or for a vendor."""
    if not isinstance(run.source, MarketFileSource):
        return None
    now, declared = run.clock.now(), newest_declared(run.engine, run.market)
    newest = max((day for day in run.source.sessions if day <= run.calendar.latest_closed_session(now)), default=None)
    return newest if newest and (declared is None or declared < newest) else None


def summary_table(report: LoadReport) -> str:
    """The load of one session as a markdown table: cells, missing ones by reason, calls, seconds by phase."""
    state = report.states[0]
    reasons = {reason: count for reason, count in report.gaps.items() if reason not in FINAL_REASONS}
    missing = f"{state.missing}" + (f" ({', '.join(f'{n} {why}' for why, n in reasons.items())})" if reasons else "")
    cells = {
        "session": state.session,
        "expected": state.expected,
        "stored": state.stored,
        "explained": state.final,
        "missing": missing,
        "calls": report.calls,
        **{f"{phase} s": f"{report.phases.get(phase, 0.0):.2f}" for phase in PHASES},
    }
    return markdown_table(list(cells), [cells.values()])
