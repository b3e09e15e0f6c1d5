"""A key of the vendor's free plan, with the settings as they are shipped: slow, and everything arrives."""

from datetime import timedelta

import pytest

from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.cli.office import NOW, Office


@pytest.mark.slow
def test_a_free_key_loads_with_the_default_settings_and_is_told_which_one_to_change(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with RunningSimulator(plan="free", now=NOW + timedelta(days=1)) as free:
        office.configure(MASSIVE_BASE_URL=free.url)
        for name in ("MASSIVE_PLAN", "MASSIVE_CALLS_PER_SECOND"):
            office.monkeypatch.delenv(name)
        answer = office.tickstock("load", "--symbols", "AAPL,MSFT,KO", "--from", "2026-11-02", "--to", "2026-11-06")
        statuses, calls = free.stats()["by_status"], free.stats()["total"]
    assert answer.code == 0, answer.err
    assert "15 of 15 bars stored (15 new)" in answer.out
    assert f"; {calls} vendor calls, " in answer.out
    assert "Set MASSIVE_PLAN=free, or the plan that the key has" in caplog.text
    assert statuses["429"] <= 3, "the rate is found out by a refusal, and kept from then on"
