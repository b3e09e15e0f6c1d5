"""The daemon is away over one or more closes, and comes back: what it missed heals by itself, each session once.

On a clock of our own, with every schedule and every sensor, as in `test_simulated_month`.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.adapters.universes.store import write_universe
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.core.universes.profiles import ETFS, STOCKS
from tickstock_dagster.defs.tags import CATCH_UP, TRIGGER_TAG
from tickstock_dagster_tests.end_to_end.simulated_clock import eastern
from tickstock_dagster_tests.end_to_end.simulated_month import SimulatedMonth, simulated_month

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

XNYS = library_calendar("XNYS")
TRACKED = (*STOCKS[:10], *ETFS[:5])


@dataclass(frozen=True)
class Outage:
    """The daemon stops before the close of a session and is back after the close of a later one."""

    begins: datetime
    ends: datetime

    @property
    def missed(self) -> list[date]:
        """Sessions that closed meanwhile, ascending."""
        return [day for day in XNYS.sessions(self.begins.date(), self.ends.date()) if self._holds(day)]

    def _holds(self, day: date) -> bool:
        return self.begins < XNYS.closes_at(day) < self.ends


OUTAGES = {
    "one session": Outage(eastern("2026-11-17 12:00"), eastern("2026-11-17 23:00")),
    "three, over Thanksgiving": Outage(eastern("2026-11-24 12:00"), eastern("2026-11-27 22:00")),
    "eight, over the turn of the year": Outage(eastern("2026-12-23 12:00"), eastern("2027-01-05 20:00")),
}


def live(world: SimulatedMonth, begins: datetime, ends: datetime) -> None:
    days = XNYS.sessions(begins.date() - timedelta(days=1), ends.date())
    world.walk(begins, ends, [close for day in days if begins <= (close := XNYS.closes_at(day)) <= ends], {})


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES.keys())
def test_an_outage_heals_within_an_hour_and_each_session_is_fetched_once(outage: Outage, tmp_path: Path) -> None:
    first = XNYS.sessions_before(outage.missed[0], 3)[0]
    begins = XNYS.closes_at(XNYS.previous_session(first)) + timedelta(hours=12)
    with simulated_month(tmp_path / "state", begins) as world:
        factory = world.factory
        write_universe(factory.engine, "tests", "list", "tests", TRACKED, track_from=first, now=begins)
        live(world, begins, outage.begins)
        asked = len(world.vendor.stats(calls=True)["calls"])
        healed = outage.ends + timedelta(hours=1)
        world.walk(outage.ends, healed, [outage.ends - timedelta(hours=4)], {})
        newest = outage.missed[-1]
        assert owed_cells(factory.engine, XNYS, newest).is_empty(), "within an hour of its return"

        calls = world.vendor.stats(calls=True)["calls"][asked:]
        fetched = Counter(call["path"].rpartition("/")[2] for call in calls if "/grouped/" in call["path"])
        ranges = [call["path"] for call in calls if "/range/" in call["path"]]
        assert not ranges
        assert {day: fetched[str(day)] for day in outage.missed} == dict.fromkeys(outage.missed, 1)
        launched = [launch for launch in world.launches if launch.at >= outage.ends]
        caught_up = [launch for launch in launched if launch.tags.get(TRIGGER_TAG) == CATCH_UP]
        assert len(caught_up) == (len(outage.missed) > 1)
        assert all(launch.success for launch in launched), [launch for launch in launched if not launch.success]

        complete = [event["session"] for event in factory.events("tickstock.eod.complete")]
        before = [str(day) for day in XNYS.sessions(first, XNYS.previous_session(outage.missed[0]))]
        assert complete == [*before, str(newest)], "the newest one's alone"
        alerts = Counter(event["symbol"] for event in factory.events("tickstock.quality.data_stale"))
        # The newest comes first, so that a longer outage is a gap of more than one session until the catch-up.
        assert alerts == (dict.fromkeys(TRACKED, 1) if len(outage.missed) > 2 else {})

        tomorrow = XNYS.closes_at(XNYS.next_session(newest)) + timedelta(hours=4)
        live(world, healed + timedelta(minutes=1), tomorrow)
        assert owed_cells(factory.engine, XNYS, XNYS.next_session(newest)).is_empty()
        assert [event["session"] for event in factory.events("tickstock.eod.complete")][-1] == str(
            XNYS.next_session(newest)
        )
        assert not world.failed_ticks
