"""Commands that only read change no later answer: the store's fingerprint is the same before and after."""

import pytest

from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.adapters.postgres.fingerprint import fingerprint
from tickstock_dagster_tests.cli.office import Office

READING = [
    ("plan", "--profile", "backtesting", "--years", "5"),
    ("plan", "--symbols", "IPOX,RUSE", "--years", "5"),
    ("plan", "--universe", "top_100", "--months", "2"),
    ("plan", "--universe", "us_listed", "--from", "2026-11-02"),
    ("plan", "--details"),
    ("status",),
    ("universe", "list"),
    ("universe", "show", "etf_growth"),
    ("universe", "explain", "AAPL", "top_100"),
    ("universe", "export", "etf_growth"),
    ("universe", "diff", "etf_growth", "--from", "2026-11-02"),
    ("events", "status"),
    ("fingerprint",),
]


def content(office: Office) -> dict[str, str]:
    return {table.table: table.sha256 for table in fingerprint(open_engine(office.database_url)).tables}


@pytest.mark.parametrize("filled", [False, True], ids=["a fresh store", "a store with data"])
def test_no_reading_command_changes_the_store(office: Office, filled: bool) -> None:
    assert office.tickstock("migrate").code == 0
    if filled:
        loaded = office.tickstock("load", "--symbols", "AAPL,NEWC", "--from", "2026-11-16", "--to", "2026-11-18")
        assert loaded.code == 0, loaded.err
    before = content(office)
    for command in READING:
        answer = office.tickstock(*command)
        assert "Traceback" not in answer.err, (command, answer.err)
        assert content(office) == before, command


def test_the_calls_of_a_plan_are_on_record_though_its_lists_are_not(office: Office) -> None:
    assert office.tickstock("migrate").code == 0
    assert office.tickstock("plan", "--profile", "backtesting", "--years", "5").code == 0
    assert office.rows("SELECT count(*) FROM securities") == [0]
    assert office.rows("SELECT count(*) FROM vendor_calls")[0] == office.calls() > 0
