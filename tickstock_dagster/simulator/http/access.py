"""Who may call how often and for what: keys, rate windows, what a plan includes.

The vendor checks key, rate and entitlement in this order; parameters and data come after.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from tickstock_dagster.core.loading.vendor_plans import PLANS, PlanName, VendorPlan
from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.clock import eastern_date

FREE_DENIES = ("/v2/snapshot/", "/v3/snapshot", "/v3/trades/", "/v3/quotes/", "/stocks/financials/")
ADD_ON_ONLY = ("/etf-global/",)
"""Partner data is an add-on of its own: no stocks plan includes it."""


class RateWindow:
    """An exact sliding window: at most `calls` accepted requests in any `per_seconds` seconds.

    A refused request does not count. Time comes from the monotonic clock, not from the vendor's.
    """

    def __init__(self, calls: int, per_seconds: float, monotonic: Callable[[], float]) -> None:
        self._calls = calls
        self._per_seconds = per_seconds
        self._monotonic = monotonic
        self._accepted: deque[float] = deque()

    def accept(self) -> bool:
        """Count one request; False when the window is full."""
        now = self._monotonic()
        while self._accepted and now - self._accepted[0] >= self._per_seconds:
            self._accepted.popleft()
        if len(self._accepted) >= self._calls:
            return False
        self._accepted.append(now)
        return True


@dataclass(slots=True)
class ApiKey:
    """One accepted key: its plan and its rate window."""

    plan: VendorPlan
    window: RateWindow


@dataclass(slots=True)
class Gate:
    """All keys of a simulator.

    Attributes:
        plans: each key's plan.
        monotonic: gives seconds for the rate windows.
        etf_facts: whether every key also has the partner's ETF data.
    """

    plans: Mapping[str, PlanName]
    monotonic: Callable[[], float]
    etf_facts: bool = False
    keys: dict[str, ApiKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open a new window for every key."""
        self.reset_rates()

    def reset_rates(self, calls: int | None = None, per_seconds: float | None = None) -> None:
        """Reset the counts; `calls` in `per_seconds` replaces the plans' own rates where given."""
        for name, plan_name in self.plans.items():
            plan = PLANS[plan_name]
            window = RateWindow(calls or plan.tolerated, per_seconds or plan.per_seconds, self.monotonic)
            self.keys[name] = ApiKey(plan, window)

    def admit(self, authorization: str | None, query_key: str | None, path: str) -> VendorPlan:
        """The plan of the request's key, after counting it; raises a 401, 429 or 403 refusal."""
        given = query_key
        if authorization and authorization.lower().startswith("bearer "):
            given = authorization[len("bearer ") :].strip()
        if not given:
            raise wire.unauthorized(wire.NO_KEY)
        key = self.keys.get(given)
        if key is None:
            raise wire.unauthorized(wire.UNKNOWN_KEY)
        if not key.window.accept():
            raise wire.too_many()
        denied = (() if self.etf_facts else ADD_ON_ONLY) + (FREE_DENIES if key.plan.name is PlanName.FREE else ())
        if path.startswith(denied):
            raise wire.forbidden(wire.NOT_ENTITLED)
        return key.plan


def oldest_day(plan: VendorPlan, now: datetime) -> date:
    """The first date whose bars `plan` includes: today in New York minus its years of history."""
    today = eastern_date(now)
    try:
        return today.replace(year=today.year - plan.history_years)
    except ValueError:
        return today.replace(year=today.year - plan.history_years, day=28)


ROUGH_EDGE = timedelta(days=2)
"""How much later a rough vendor's history begins than whoever counts whole years expects."""


def check_days(plan: VendorPlan, now: datetime, first: date, *, rough: bool = False) -> None:
    """Raise a 403 refusal unless `plan` includes bars from `first` on.

    A plan with end-of-day data only is also refused when the request covers only today or the future.
    """
    if first < oldest_day(plan, now) + (ROUGH_EDGE if rough else timedelta()):
        raise wire.forbidden(wire.OUT_OF_HISTORY)
    if not plan.same_day and first >= eastern_date(now):
        raise wire.forbidden(wire.BEFORE_END_OF_DAY)
