"""One run of an asset about universes: opening the store and guarding its sessions. No vendor is asked.

What a task proposes and what is applied belong in `core` and `adapters`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

import dagster as dg
import sqlalchemy as sa

from tickstock_dagster.adapters.securities.etf_profile_store import seed_funds
from tickstock_dagster.adapters.universes.seeding import seed_universes
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import TickstockError
from tickstock_dagster.core.securities.etf_seed import seed_members
from tickstock_dagster.core.universes.catalogue import THEMES
from tickstock_dagster.defs.partitions import MARKET
from tickstock_dagster.defs.resources import Clock, RedisNotifications, WarehouseResource


@dataclass(frozen=True, slots=True)
class UniverseRun:
    """What one run works with: store, calendar in force, and the moment it began (aware)."""

    engine: sa.Engine
    calendar: SessionCalendar
    run_id: str
    clock: Clock
    started_at: datetime

    @classmethod
    def open(cls, context: dg.AssetExecutionContext, warehouse: WarehouseResource, clock: Clock) -> Self:
        """Open the store.

        Raises:
            Failure: the store or its schema cannot be used; not retried.
        """
        try:
            return cls(warehouse.engine(), warehouse.calendar(MARKET), context.run.run_id, clock, clock.now())
        except TickstockError as error:
            raise dg.Failure(str(error), allow_retries=False) from None

    def closed_sessions(self, keys: Sequence[str]) -> tuple[date, ...]:
        """The sessions of the keys, ascending; those that an override cancelled are left out.

        Raises:
            Failure: no key (the range is inverted), or one whose session has not closed yet.
        """
        if not keys:
            raise dg.Failure("no partition is selected: is the range inverted?", allow_retries=False)
        days = sorted({date.fromisoformat(key) for key in keys})
        traded = tuple(day for day in days if self.calendar.is_session(day))
        latest = self.calendar.latest_closed_session(self.clock.now())
        if traded and traded[-1] > latest:
            raise dg.Failure(
                f"session {traded[-1]} has not closed yet: the latest closed one is {latest}", allow_retries=False
            )
        return traded

    def ensure_universes(self) -> None:
        """Make the release's universes that are missing; seeds of themes join once their ticker is known.

        Raises:
            Failure: the store cannot be reached.
        """
        funds = seed_funds()
        seeds = {theme: seed_members(funds, theme) for theme in THEMES}
        try:
            seed_universes(self.engine, seeds, run_id=self.run_id, now=self.started_at)
        except TickstockError as error:
            raise dg.Failure(str(error), allow_retries=False) from None


def send(context: dg.AssetExecutionContext, notifications: RedisNotifications) -> dict[str, int]:
    """Send what waits in the outbox. Redis being away fails no run: the events stay, and a sensor sends them later."""
    report = notifications.dispatch()
    if report.error:
        context.log.warning("%s notifications wait: %s", report.left, report.error)
    return {"events_sent": report.sent, "events_waiting": report.left}
