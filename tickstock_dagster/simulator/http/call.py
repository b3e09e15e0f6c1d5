"""One admitted request, with everything that an endpoint uses to answer it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from tickstock_dagster.core.loading.vendor_plans import VendorPlan
from tickstock_dagster.simulator.clock import eastern_date
from tickstock_dagster.simulator.http import access
from tickstock_dagster.simulator.market.tape import Tape, View
from tickstock_dagster.simulator.wire import Payload


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed fault, key and rate.

    Attributes:
        parts: the path's variables.
        query: parameters; repeated ones keep their last value.
        origin: scheme and host, for `next_url`.
        now: the vendor's instant.
        rough: whether the vendor is as unkind as the real one.
    """

    path: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    origin: str
    plan: VendorPlan
    now: datetime
    tape: Tape
    rough: bool = False

    @property
    def today(self) -> date:
        """The date in New York."""
        return eastern_date(self.now)

    def view(self, adjusted: bool) -> View:
        """How this request reads the tape."""
        return View(self.plan, self.now, adjusted)

    def entitled(self, first: date) -> None:
        """Raise a 403 refusal unless the plan includes bars from `first` on."""
        access.check_days(self.plan, self.now, first, rough=self.rough)


Handler = Callable[[Call], Payload]
