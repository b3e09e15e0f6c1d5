"""The resources of assets: store, vendor, notifications and clock; all bound here."""

from datetime import UTC, datetime

import dagster as dg
import sqlalchemy as sa
from pydantic import Field, PrivateAttr
from pydantic.config import JsonDict

from tickstock_dagster.adapters.calendars.store import calendar_in_force
from tickstock_dagster.adapters.events.outbox import DispatchReport, OutboxDispatcher
from tickstock_dagster.adapters.events.sending import send_written
from tickstock_dagster.adapters.postgres.database import name_sessions, open_engine
from tickstock_dagster.adapters.postgres.migrations import require_current_schema
from tickstock_dagster.adapters.sources.factory import open_source
from tickstock_dagster.adapters.sources.protocol import MarketSource
from tickstock_dagster.clock import clock_of
from tickstock_dagster.core.calendars.session_calendar import SessionCalendar
from tickstock_dagster.core.errors import BadInputError, TickstockError
from tickstock_dagster.settings import load_settings

_SECRET: JsonDict = {"dagster__is_secret": True}


class WarehouseResource(dg.ConfigurableResource["WarehouseResource"]):
    """The store that TickStockApp reads. Every statement runs as tickstock_writer."""

    database_url: str = Field(description="postgresql://user:password@host:port/database", json_schema_extra=_SECRET)
    _in_force: dict[str, SessionCalendar] | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Read each calendar once, so that all steps of a run or tick see the same; let the server show the run."""
        self._in_force = {}
        if context.run:
            name_sessions(f"tickstock run {context.run.run_id[:8]}")

    def engine(self) -> sa.Engine:
        """The engine, after a check that the schema is this release's.

        Raises:
            SchemaError: it is not; run `tickstock migrate`.
            ServiceUnavailableError: the database cannot be reached.
        """
        require_current_schema(self.database_url)
        return open_engine(self.database_url)

    def calendar(self, key: str) -> SessionCalendar:
        """The calendar in force, overrides applied: as of now; within a run or tick, as of its first use."""
        if self._in_force is None:
            return calendar_in_force(open_engine(self.database_url), key)
        if key not in self._in_force:
            self._in_force[key] = calendar_in_force(open_engine(self.database_url), key)
        return self._in_force[key]


class SendingWarehouse(WarehouseResource):
    """The store of runs and ticks: at their end, what they have written and not sent themselves is sent."""

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Send the events of a run or tick that it has not sent itself, such as those of a run that failed half-way."""
        settings = load_settings()
        if settings.redis_url is None:
            return
        try:
            report = send_written(self.database_url, settings.redis_url.get_secret_value(), clock=clock_of(settings))
            why = report.error if report else None
        except TickstockError as error:
            why = str(error)
        if why and context.log:
            context.log.warning("notifications wait, and are sent later: %s", why)


class VendorResource(dg.ConfigurableResource["VendorResource"]):
    """Where bars come from: the vendor with a key, the simulator without, or a file."""

    source: str = Field(
        default="", description="massive, simulator or files:PATH; empty: massive with MASSIVE_API_KEY, else simulator."
    )
    database_url: str = Field(description="The store, which holds the shared rate limit.", json_schema_extra=_SECRET)

    def open(self) -> MarketSource:
        """The source; makes no request yet."""
        return open_source(load_settings(), source=self.source or None, database_url=self.database_url)

    def same_day(self) -> bool:
        """Whether the plan includes bars on the session's own day."""
        plan = self.open().plan
        return plan is None or plan.same_day


class RedisNotifications(dg.ConfigurableResource["RedisNotifications"]):
    """Sends what the outbox holds to Redis. While Redis is away, the events wait."""

    database_url: str = Field(description="The store that holds the outbox.", json_schema_extra=_SECRET)
    redis_url: str = Field(description="redis://host:port/0", json_schema_extra=_SECRET)

    def dispatch(self) -> DispatchReport:
        """Send everything that waits in the outbox."""
        return OutboxDispatcher(self.database_url, self.redis_url, clock=clock_of(load_settings())).dispatch()


class Clock(dg.ConfigurableResource["Clock"]):
    """The current time; with `fixed`, one instant that stands still, for rehearsals of a day."""

    fixed: str = Field(
        default="", description="The instant to take for now; empty: TICKSTOCK_NOW if set, else the real clock."
    )

    def now(self) -> datetime:
        """The current time, aware, in UTC.

        Raises:
            BadInputError: `fixed` is not an instant, or has no offset.
        """
        if not self.fixed:
            return clock_of(load_settings())()
        try:
            moment = datetime.fromisoformat(self.fixed)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise BadInputError("clock.fixed", self.fixed, "a moment with its offset, as 2026-11-20T22:00:00+00:00")
        return moment.astimezone(UTC)


@dg.definitions
def resources() -> dg.Definitions:
    """The resources, under the names of the assets' parameters."""
    database_url = dg.EnvVar("TICKSTOCK_DATABASE_URL")
    return dg.Definitions(
        resources={
            "warehouse": SendingWarehouse(database_url=database_url),
            "vendor": VendorResource(database_url=database_url),
            "notifications": RedisNotifications(database_url=database_url, redis_url=dg.EnvVar("TICKSTOCK_REDIS_URL")),
            "clock": Clock(),
        },
        executor=dg.in_process_executor,
    )
