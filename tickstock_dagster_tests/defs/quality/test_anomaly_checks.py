"""The checks of prices and volumes in Dagster: their colour, and the facts that they show."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tickstock_dagster_tests.adapters.quality.test_bar_anomalies import TRACKED, Store
from tickstock_dagster_tests.defs.factory import FRI, Factory, checks_of, red_checks

CHECKS = {"price_moves", "volume_levels"}


def facts(factory: Factory) -> dict[str, Mapping[str, Any]]:
    """What the two checks show, by name, with `passed`."""
    result = factory.run("us_bar_checks")
    assert set(red_checks(result)) <= CHECKS
    found = checks_of(result)
    return {
        name: {key: value.value for key, value in found[name].metadata.items()} | {"passed": found[name].passed}
        for name in CHECKS
    }


def test_moves_and_volumes_are_warned_of_and_what_is_known_to_account_for_them_is_named(factory: Factory) -> None:
    Store(factory.database_url, dict.fromkeys(TRACKED, 0.7), volume=150_000)
    found = facts(factory)
    prices, volumes = found["price_moves"], found["volume_levels"]
    assert (prices["session"], prices["special"], prices["judged"]) == ("2026-11-20", "an ordinary session", 3)
    assert (prices["passed"], prices["value"], prices["threshold"]) == (False, 2, "20%")
    assert (prices["explained"], prices["explanations"]) == (1, "PAIR -31.2% (it moved as what it is compared with)")
    assert "| LONE | 100.0000 | 70.0000 | 100.0000 | -30.0% | suspicious |" in prices["worst"]
    assert (volumes["passed"], volumes["value"]) == (False, 3)
    assert "| LONE | 150,000 | 1,000,000 | 0.15 |" in volumes["worst"]

    factory.override(FRI, "close_at", datetime(2026, 11, 20, 18, tzinfo=UTC))
    found = facts(factory)
    assert (found["price_moves"]["special"], found["price_moves"]["value"]) == ("closes early, at 13:00 EST", 2)
    assert found["volume_levels"]["passed"], "by the minute of trading"
