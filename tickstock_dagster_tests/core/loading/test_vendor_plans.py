import pytest

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.core.loading.vendor_plans import PLANS, PlanName, vendor_plan


@pytest.mark.parametrize(
    ("name", "calls", "per_seconds", "history_years", "same_day", "flat_files", "fmv", "monthly_usd"),
    [
        ("free", 5, 60, 2, False, False, False, 0),
        ("starter", 90, 1, 5, True, True, False, 29),
        ("developer", 90, 1, 10, True, True, False, 79),
        ("advanced", 90, 1, 25, True, True, False, 199),
        ("business", 90, 1, 25, True, True, True, 1999),
    ],
)
def test_the_plans_allow_what_the_vendors_price_list_says(
    name, calls, per_seconds, history_years, same_day, flat_files, fmv, monthly_usd
):
    plan = vendor_plan(name)
    assert plan.name is PlanName(name)
    assert (plan.calls, plan.per_seconds, plan.history_years) == (calls, per_seconds, history_years)
    assert (plan.same_day, plan.flat_files, plan.fmv, plan.monthly_usd) == (same_day, flat_files, fmv, monthly_usd)


def test_every_plan_keeps_below_what_the_vendor_asks_for():
    assert set(PLANS) == set(PlanName)
    paid = [plan for plan in PLANS.values() if plan.name is not PlanName.FREE]
    assert {(plan.tolerated, plan.per_seconds) for plan in paid} == {(100, 1)}
    assert all(plan.calls + 2 * plan.at_once <= plan.tolerated for plan in paid), (
        "a burst must not cost a minute's wait"
    )
    assert PLANS[PlanName.FREE].calls == PLANS[PlanName.FREE].tolerated


@pytest.mark.parametrize("name", ["FREE", "Free"])
def test_a_plans_name_may_be_written_in_capitals(name):
    assert vendor_plan(name) is PLANS[PlanName.FREE]


@pytest.mark.parametrize(
    ("name", "words"), [("start", "did you mean starter?"), ("", "accepted: advanced"), ("gold", "")]
)
def test_an_unknown_plan_is_refused_with_all_names(name, words):
    with pytest.raises(BadInputError) as caught:
        vendor_plan(name)
    assert words in str(caught.value)
    assert all(plan.value in str(caught.value) for plan in PlanName)
