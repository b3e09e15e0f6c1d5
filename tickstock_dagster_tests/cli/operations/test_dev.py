"""`tickstock dev`: what it prepares and what it hands over to."""

import os
import signal
from pathlib import Path

import pytest

from tickstock_dagster.adapters.loading.tracked import tracked_tickers
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.cli.operations import dev
from tickstock_dagster.core.universes.profiles import PROFILES
from tickstock_dagster.settings import DAGSTER_SWITCHES
from tickstock_dagster_tests.cli.office import Office


class HandedOverError(Exception):
    """In the test's process somebody else's program must not take over."""


def test_dagster_takes_over_with_the_addresses_the_switches_and_working_signals(office: Office, tmp_path: Path) -> None:
    taken: list[object] = []

    def hand_over(program: Path, arguments: list[str]) -> None:
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        taken.extend((Path(program).name, arguments[1:], Path.cwd(), dict(os.environ)))
        raise HandedOverError

    office.monkeypatch.chdir(tmp_path)
    office.monkeypatch.setattr(dev, "PROJECT_ROOT", tmp_path)
    office.monkeypatch.setattr(os, "execv", hand_over)
    office.monkeypatch.setattr(dev, "_start_dispatcher", taken.append)
    before = {name: signal.signal(name, signal.SIG_IGN) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(HandedOverError):
            office.tickstock("dev", "--port", "3999")
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    log, program, arguments, folder, environment = taken
    assert log == Path(os.environ["TICKSTOCK_STATE_DIR"]) / "events.log"
    assert (program, arguments) == ("dagster", ["dev", "--host", "127.0.0.1", "--port", "3999"])
    assert folder == tmp_path
    assert isinstance(environment, dict)
    assert environment.items() >= DAGSTER_SWITCHES.items()
    assert environment["TICKSTOCK_DAGSTER_STORAGE_URL"] == office.storage_url
    assert tracked_tickers(open_engine(office.database_url)) == PROFILES["dev"].tickers, (
        "the schedules have something to do"
    )
