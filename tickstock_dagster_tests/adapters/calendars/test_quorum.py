"""The nightly quorum against real witnesses: the second library, the simulated vendor, stored and quarantined rows."""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tickstock_dagster.adapters.calendars.edit import put_override, withdraw_override
from tickstock_dagster.adapters.calendars.quorum import QuorumReport, hold_quorum, standing_disagreements
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.overrides import requested_override
from tickstock_dagster.core.calendars.quorum import Disagreement
from tickstock_dagster_tests.adapters.load_helpers import CALENDAR, SATURDAY, World
from tickstock_dagster_tests.adapters.store_helpers import MON

THU, FRI = date(2026, 11, 19), date(2026, 11, 20)
THANKSGIVING, HALF_DAY, DECEMBER_1 = date(2026, 11, 26), date(2026, 11, 27), date(2026, 12, 1)
ROWS = (
    "SELECT session, witness, ours, theirs, overridden, resolved_at IS NULL FROM calendar_disagreements ORDER BY 1, 2"
)
FEW = ("AAPL", "MSFT", "SPY")


def hold(world: World, now: datetime | None = None) -> QuorumReport:
    if now is not None:
        world.now = now
        world.simulator.set_now(now)
    return hold_quorum(world.context())


def track(world: World) -> None:
    write_universe(world.engine, "tests", "list", "tests", FEW, track_from=MON, now=world.now)


def close(world: World, day: date) -> None:
    override = requested_override(CALENDAR, day, closed=True, reason="a test")
    put_override(world.engine, override, by="ann", now=world.now)


def test_every_witness_is_asked_and_all_agree(world: World) -> None:
    track(world)
    world.load(FEW, FRI, FRI)
    report = hold(world)
    assert report.unheard == ()
    assert (report.noticed, report.resolved) == (0, 0)
    assert set(report.asked) == {
        *(f"{key}: exchange_calendars" for key in ("XNYS", "XTKS", "XLON", "XETR")),
        "XNYS: simulator NYSE",
        "XNYS: simulator NASDAQ",
        "XNYS: traded volume",
    }
    assert standing_disagreements(world.engine, world.now) == []
    [(endpoint,)] = world.query("SELECT endpoint FROM vendor_calls WHERE endpoint LIKE '%marketstatus%'")
    assert endpoint == "/v1/marketstatus/upcoming"


def test_without_the_second_library_it_is_said_and_the_others_are_heard(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "exchange_calendars", None)
    track(world)
    world.load(FEW, FRI, FRI)
    report = hold(world)
    assert "XTKS: exchange_calendars is not installed" in report.unheard
    assert report.asked == ("XNYS: simulator NYSE", "XNYS: simulator NASDAQ", "XNYS: traded volume")


def test_an_override_that_nobody_backs_is_kept_as_decided_until_it_is_withdrawn(world: World) -> None:
    close(world, DECEMBER_1)
    first = hold(world)
    assert first.noticed == 3, "the second library, and the vendor for two exchanges"
    standing = standing_disagreements(world.engine, world.now)
    assert Disagreement("XNYS", DECEMBER_1, "exchange_calendars", "closed", "09:30–16:00", True) in standing
    assert Disagreement("XNYS", DECEMBER_1, "simulator NYSE", "closed", "an ordinary session", True) in standing
    again = hold(world)
    assert (again.noticed, again.resolved) == (0, 0), "what stands is not noticed twice"
    withdraw_override(world.engine, "XNYS", DECEMBER_1, by="ann", reason="a mistake", now=world.now)
    assert hold(world).resolved == 3
    assert standing_disagreements(world.engine, world.now) == []
    assert len(world.query(ROWS)) == 3, "kept"


def test_a_vendor_that_is_away_or_offers_no_list_is_named_and_settles_nothing(world: World, tmp_path: Path) -> None:
    close(world, DECEMBER_1)
    hold(world)
    world.simulator.install("server_error", path="*/marketstatus/*")
    report = hold(world)
    assert any("special days" in why and "502" in why for why in report.unheard)
    assert report.resolved == 0
    assert len(standing_disagreements(world.engine, world.now)) == 3
    bars = tmp_path / "bars.csv"
    bars.write_text("ticker,date,open,high,low,close,volume\n")
    told = hold_quorum(world.context(FileSource(bars)))
    assert any("a file of bars has no special days" in why for why in told.unheard)


def test_a_session_that_nobody_traded_is_in_doubt_until_its_bars_are_there(world: World) -> None:
    track(world)
    world.load(FEW, THU, THU)
    world.load(FEW, FRI, FRI)
    world.query("DELETE FROM ohlcv_daily WHERE session = %s", (FRI,))
    world.simulator.install("late_day", day=FRI)
    report = hold(world)
    assert report.noticed == 1
    [found] = standing_disagreements(world.engine, world.now)
    assert (found.session, found.witness, found.ours) == (FRI, "traded volume", "09:30–16:00")
    assert found.theirs == "0 of 3 bars are stored, and simulator has none: nobody traded?"
    world.simulator.clear_faults()
    assert hold(world).resolved == 1, "the vendor has it: we are late, and the market was open"


def test_trades_on_a_day_that_an_override_closed_are_an_alert_even_though_a_person_decided(world: World) -> None:
    track(world)
    close(world, FRI)
    world.load(FEW, THU, THU)
    hold(world)
    volume = [one for one in standing_disagreements(world.engine, world.now) if one.witness == "traded volume"]
    assert [(one.session, one.ours, one.theirs) for one in volume] == [
        (FRI, "closed", "simulator has bars of that day: a session?")
    ]
    assert not volume[0].overridden


def test_quarantined_rows_of_a_closed_day_are_an_alert_and_never_make_it_a_session(world: World) -> None:
    track(world)
    monday, saturday = date(2026, 11, 23), date(2026, 11, 21)
    world.now = SATURDAY + timedelta(days=3)
    world.simulator.set_now(world.now)
    world.simulator.install("saturday_bar", path="*/range/*", ticker="AAPL")
    world.load(("AAPL",), date(2026, 11, 16), monday)
    world.simulator.clear_faults()
    world.load(FEW, monday, monday)
    rows = world.query("SELECT session FROM quarantined_bars")
    report = hold(world)
    found = [one for one in standing_disagreements(world.engine, world.now) if one.witness == "traded volume"]
    assert rows == [(saturday,)]
    assert report.noticed == 1
    assert [(one.session, one.theirs) for one in found] == [
        (saturday, "1 rows of that day were quarantined: a session?")
    ]
    assert not CALENDAR.is_session(saturday)


def test_a_disagreement_stops_to_alarm_a_week_after_its_day(world: World) -> None:
    close(world, DECEMBER_1)
    hold(world)
    assert standing_disagreements(world.engine, datetime(2026, 12, 8, 12, tzinfo=UTC)) != []
    assert standing_disagreements(world.engine, datetime(2026, 12, 9, 12, tzinfo=UTC)) == []
