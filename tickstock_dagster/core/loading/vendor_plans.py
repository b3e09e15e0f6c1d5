"""What each vendor plan allows: call rate, history, delay. Facts only; the adapters enforce them.

Source: Massive's pricing and knowledge base (calls, freshness, history of the stocks plans). "Unlimited" plans
have no fixed rate; the vendor asks clients to stay below 100 requests a second. 90 are made here, five at a time: what
leaves evenly arrives unevenly, and an even stream that is held up for 50 ms still stays below.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tickstock_dagster.core.errors import BadInputError, choices

HISTORY_START = date(2003, 9, 10)
"""The first session of the vendor's stock history, on any plan."""


class PlanName(StrEnum):
    """The vendor's stocks plans."""

    FREE = "free"
    STARTER = "starter"
    DEVELOPER = "developer"
    ADVANCED = "advanced"
    BUSINESS = "business"


@dataclass(frozen=True, slots=True)
class VendorPlan:
    """One plan's limits.

    Attributes:
        calls: requests made in any window of `per_seconds` seconds, at most.
        per_seconds: length of that window, in seconds.
        at_once: requests that may leave together; where fewer than `calls`, the others follow evenly over the window.
        history_years: how far back the plan's bars reach, in calendar years.
        same_day: whether the plan has a session's bars on the session's own date (ET) after its close.
        flat_files: whether the plan includes daily flat files.
        fmv: whether snapshots carry the fair market value.
        monthly_usd: list price, US dollars a month, for cost estimates.
        tolerated: requests in such a window that the vendor puts up with.
    """

    name: PlanName
    calls: int
    per_seconds: int
    at_once: int
    history_years: int
    same_day: bool
    flat_files: bool
    fmv: bool
    monthly_usd: int
    tolerated: int


PLANS: dict[PlanName, VendorPlan] = {
    PlanName.FREE: VendorPlan(PlanName.FREE, 5, 60, 5, 2, False, False, False, 0, 5),
    PlanName.STARTER: VendorPlan(PlanName.STARTER, 90, 1, 5, 5, True, True, False, 29, 100),
    PlanName.DEVELOPER: VendorPlan(PlanName.DEVELOPER, 90, 1, 5, 10, True, True, False, 79, 100),
    PlanName.ADVANCED: VendorPlan(PlanName.ADVANCED, 90, 1, 5, 25, True, True, False, 199, 100),
    PlanName.BUSINESS: VendorPlan(PlanName.BUSINESS, 90, 1, 5, 25, True, True, True, 1999, 100),
}


def vendor_plan(name: str) -> VendorPlan:
    """The plan called `name`.

    Raises:
        BadInputError: no plan has that name.
    """
    try:
        return PLANS[PlanName(name.lower())]
    except ValueError:
        raise BadInputError("plan", name, choices(name.lower(), [plan.value for plan in PlanName])) from None
