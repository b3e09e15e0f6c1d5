"""The sensor of the symbol grid: which cells it brings up to date after a run."""

import dagster as dg

from tickstock_dagster.defs.tags import RANGE_END, RANGE_START, SESSION_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.factory import MON, TUE, Factory, all_definitions


def after(factory: Factory, result: dg.ExecuteInProcessResult) -> dg.RunRequest | str:
    """What the symbol sensor does after a run."""
    context = dg.build_run_status_sensor_context(
        sensor_name="us_symbols_sensor",
        dagster_instance=factory.instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_success_event(),
    )
    answer = all_definitions().resolve_sensor_def("us_symbols_sensor")(context)
    return answer.skip_message or "" if isinstance(answer, dg.SkipReason) else answer


def test_the_grid_follows_the_sessions_of_a_run_in_registration_order_and_without_a_call(
    factory_on_postgres: Factory,
) -> None:
    factory = factory_on_postgres
    factory.track()
    result = factory.run("us_eod", MON, TUE)
    assert after(factory, result) == "no ticker has a partition key yet: `tickstock load --symbols` adds one"

    factory.instance.add_dynamic_partitions("tickers", ["SPY", "AAPL"])
    request = after(factory, result)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == result.run_id
    assert request.tags == {
        RANGE_START: "2026-11-16|SPY",
        RANGE_END: "2026-11-17|AAPL",
        SESSION_TAG: "2026-11-17",
        TRIGGER_TAG: "sensor",
    }
    factory.vendor.reset_stats()
    assert factory.run("us_symbols", request.tags[RANGE_START], request.tags[RANGE_END]).success
    assert factory.vendor.stats()["total"] == 0
    assert factory.materialised("ohlcv_daily") == {
        f"{day}|{ticker}" for day in ("2026-11-16", "2026-11-17") for ticker in ("SPY", "AAPL")
    }


def test_a_run_that_reaches_back_before_the_grid_is_followed_from_its_first_session(
    factory_on_postgres: Factory,
) -> None:
    factory = factory_on_postgres
    factory.track("AAPL")
    factory.instance.add_dynamic_partitions("tickers", ["AAPL"])
    assert after(factory, factory.run("us_eod", "2024-12-30", "2024-12-31")) == (
        "2024-12-31 is before the grid's first session, 2025-01-02"
    )
    request = after(factory, factory.run("us_eod", "2024-12-31", "2025-01-03"))
    assert isinstance(request, dg.RunRequest)
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2025-01-02|AAPL", "2025-01-03|AAPL")
