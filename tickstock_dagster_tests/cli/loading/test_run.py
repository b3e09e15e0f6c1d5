"""`tickstock run`: which session it takes, and what it says when it cannot."""

from datetime import date, datetime, timedelta

import pytest

from tickstock_dagster.adapters.universes.store import track_profile
from tickstock_dagster.cli.loading.run import _latest_published, _print_summary
from tickstock_dagster.cli.workspace import Workspace, open_workspace
from tickstock_dagster.core.loading.owed import OwedOfDataset
from tickstock_dagster.core.universes.profiles import PROFILES
from tickstock_dagster_tests.cli.office import CALENDAR, Office

FRI = date(2026, 11, 20)
TICKERS = PROFILES["ui_testing_lite"].tickers
CLOSE = CALENDAR.closes_at(FRI)


@pytest.fixture
def workspace(office: Office) -> Workspace:
    """As commands open it."""
    office.configure()
    return open_workspace()


def latest(office: Office, workspace: Workspace, now: datetime) -> date:
    office.vendor.set_now(now)
    return _latest_published(workspace, now)


def test_the_session_before_is_taken_while_the_latest_is_not_out(office: Office, workspace: Workspace) -> None:
    assert latest(office, workspace, CLOSE + timedelta(minutes=10)) == date(2026, 11, 19)
    assert "2026-11-20 is not out yet" in office.capfd.readouterr().err
    assert office.rows("SELECT count(*) FROM vendor_calls WHERE run_id = 'cli'") == [office.calls()] == [1]
    assert latest(office, workspace, CLOSE + timedelta(minutes=16)) == FRI


def test_the_vendor_is_not_asked_about_a_session_that_is_old_or_complete(office: Office, workspace: Workspace) -> None:
    assert latest(office, workspace, CLOSE + timedelta(hours=20)) == FRI
    assert office.calls() == 0
    track_profile(workspace.engine, PROFILES["ui_testing_lite"], track_from=FRI, now=CLOSE)
    assert latest(office, workspace, CLOSE + timedelta(hours=2)) == FRI
    assert office.calls() == 1


def test_a_run_that_cannot_be_completed_fails_in_one_line_and_shows_no_summary(office: Office) -> None:
    office.vendor.install("server_error", path="*/aggs/*")
    answer = office.tickstock("run", "--profile", "ui_testing_lite")
    assert answer.code == 1
    assert answer.out == ""
    assert "sessions stay incomplete" in answer.error
    assert "502" in answer.error


@pytest.mark.parametrize(
    ("now", "session"),
    [
        ("2035-01-02T20:00:00-05:00", "2035-01-02"),  # the simulator draws its market once, as far as it is needed
        ("2029-12-31T17:00:00-05:00", "2029-12-31"),
        ("2030-07-05T09:00:00-04:00", "2030-07-03"),
    ],
)
def test_years_to_come_are_run_like_any_other(office: Office, now: str, session: str) -> None:
    office.vendor.set_now(datetime.fromisoformat(now))
    office.configure(TICKSTOCK_NOW=now)
    answer = office.tickstock("run", "--profile", "ui_testing_lite", "--json")
    assert answer.code == 0, answer.err
    assert (answer.json["session"], answer.json["event"]) == (session, "delivered")
    assert answer.json["vendor_calls"] == office.calls()
    assert answer.json["bars_stored"] == answer.json["bars_expected"] == 10
    assert (answer.json["owed"], answer.json["owed_besides_bars"]) == (0, {})
    assert (answer.json["tracked"], answer.json["tracked_from"]) == ("profile_ui_testing_lite", session)
    others = office.rows("SELECT count(*) FROM ohlcv_daily WHERE ticker <> ALL (%s)", list(TICKERS))
    assert [answer.json["rows_besides"]] == others
    assert others > [100], "the one call for the whole market"
    assert office.rows("SELECT DISTINCT session::text FROM ohlcv_daily") == [session]


def test_an_unknown_profile_is_refused_and_nothing_is_tracked(office: Office) -> None:
    answer = office.tickstock("run", "--profile", "deev")
    assert answer.code == 2
    assert "did you mean dev?" in answer.error
    assert office.untouched()


def test_the_summary_names_what_else_is_owed(capsys: pytest.CaptureFixture[str]) -> None:
    facts = dict.fromkeys(("bars_stored", "bars_expected", "bars_explained", "bars_missing", "vendor_calls"), 1)
    facts |= {
        "session": FRI,
        "event": "delivered",
        "event_id": "x",
        "seconds": 1.0,
        "run_id": "12345678",
        "source": "s",
    }
    facts |= {"rows_besides": 555, "tracked": "profile_dev, 15 symbols, expected on every session from 2026-11-20 on"}
    besides = [OwedOfDataset("fair_values", 2, FRI, ("never_asked",)), "3 bars of XTKS"]
    _print_summary(facts, 0, besides, "dev")
    words = " ".join(capsys.readouterr().out.split())
    assert "Owed besides fair values of 2 sessions, the newest 2026-11-20 (never_asked)" in words.replace("│ ", "")
    assert "3 bars of XTKS" in words
    assert "555 rows of other securities" in words
    assert "profile_dev, 15 symbols" in words
