"""The daemon is away over one or more closes of Tokyo: its file heals what was missed, each session once.

As `test_outages`, with Tokyo's calendar, its close at 15:30, and a file that is replaced after each close. Nothing is
tracked in New York, whose schedules and sensors tick as well.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tickstock_dagster.adapters.loading.owed import owed_cells
from tickstock_dagster.core.calendars.session_calendar import library_calendar
from tickstock_dagster.defs.tags import CATCH_UP, MARKET_TAG, TRIGGER_TAG
from tickstock_dagster_tests.defs.bars.bar_file import write_bars
from tickstock_dagster_tests.end_to_end.simulated_month import SimulatedMonth, simulated_month

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

XTKS = library_calendar("XTKS")
TICKERS = tuple(str(number) for number in range(1301, 1316))
DELIVERED = timedelta(minutes=20)
"""How long after a close the file has the session."""


def tokyo(text: str) -> datetime:
    """A moment on Tokyo's clocks, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(UTC)


@dataclass(frozen=True)
class Outage:
    """The daemon stops before the close of a session and is back after the close of a later one: so many are missed."""

    count: int
    begins: datetime
    ends: datetime

    @property
    def missed(self) -> list[date]:
        """Sessions that closed meanwhile, ascending."""
        days = XTKS.sessions(self.begins.date(), self.ends.date())
        return [day for day in days if self.begins < XTKS.closes_at(day) < self.ends]


OUTAGES = {
    "one session, over lunch": Outage(1, tokyo("2026-11-18 12:00"), tokyo("2026-11-18 22:00")),
    "three, over a holiday": Outage(3, tokyo("2026-11-20 12:00"), tokyo("2026-11-25 22:00")),
    "eight, over the closure at New Year": Outage(8, tokyo("2026-12-25 12:00"), tokyo("2027-01-07 20:00")),
}


@dataclass
class TokyoWorld:
    """The world, and the file that somebody delivers after each close of Tokyo, with the sessions since the start."""

    world: SimulatedMonth
    path: Path
    first: date

    def live(self, begins: datetime, ends: datetime, closes: list[date]) -> None:
        """Live from `begins` to `ends`; `closes` are the sessions around which the clock is looked at more often."""
        days = [day for day in XTKS.sessions(self.first, ends.date()) if begins < XTKS.closes_at(day) + DELIVERED]
        deliveries = {
            XTKS.closes_at(day) + DELIVERED: lambda day=day: self.deliver(day)
            for day in days
            if XTKS.closes_at(day) + DELIVERED <= ends
        }
        self.world.walk(begins, ends, [XTKS.closes_at(day) for day in closes], deliveries)

    def deliver(self, last: date) -> str:
        """The file holds every session up to `last`."""
        write_bars(self.path, XTKS.sessions(self.first, last), TICKERS)
        return f"the file has {last}"


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES.keys())
def test_an_outage_heals_within_an_hour_and_each_session_is_read_once(
    outage: Outage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = outage.missed
    assert len(missed) == outage.count
    first = XTKS.sessions_before(missed[0], 2)[0]
    begins = XTKS.closes_at(first) - timedelta(hours=1)
    with simulated_month(tmp_path / "state", begins) as world:
        monkeypatch.setenv("TICKSTOCK_FILES_XTKS", f"files:{tmp_path / 'tokyo.parquet'}")
        tokyo_world = TokyoWorld(world, tmp_path / "tokyo.parquet", first)
        before = XTKS.sessions(first, XTKS.previous_session(missed[0]))
        tokyo_world.deliver(first)
        tokyo_world.live(begins, outage.begins, before)
        engine, factory = world.factory.engine, world.factory
        assert owed_cells(engine, XTKS, before[-1]).is_empty()

        tokyo_world.deliver(missed[-1])
        launched = len(world.launches)
        healed = outage.ends + timedelta(hours=1)
        world.walk(outage.ends, healed, [outage.ends - timedelta(hours=4)], {})
        assert owed_cells(engine, XTKS, missed[-1]).is_empty(), "within an hour of its return"

        launches = [one for one in world.launches[launched:] if one.job == "xtks_eod"]
        assert all(one.success and one.tags[MARKET_TAG] == "XTKS" for one in launches), launches
        caught_up = [one for one in launches if one.tags[TRIGGER_TAG] == CATCH_UP]
        assert (len(caught_up), len(launches)) == (int(len(missed) > 1), min(len(missed), 2))
        assert factory.rows("SELECT max(attempts) FROM work_units WHERE market = 'XTKS'") == [1], "each is read once"
        stored = "SELECT session, count(*) FROM ohlcv_daily GROUP BY session ORDER BY session"
        assert factory.rows(stored) == [(day, len(TICKERS)) for day in XTKS.sessions(first, missed[-1])]
        assert factory.rows("SELECT count(*) FROM bar_restatements") == [0]

        complete = [(event["market"], event["session"]) for event in factory.events("tickstock.eod.complete")]
        assert complete == [("XTKS", str(day)) for day in (*before, missed[-1])], "the newest one's alone"
        alerts = [event["symbol"] for event in factory.events("tickstock.quality.data_stale")]
        # The newest comes first, so that a longer outage is a gap of more than one session until the catch-up.
        expected = [f"{ticker}.XTKS" for ticker in TICKERS] if len(missed) > 2 else []
        assert sorted(alerts) == expected, "each once"

        following = XTKS.next_session(missed[-1])
        tokyo_world.live(healed + timedelta(minutes=1), XTKS.closes_at(following) + timedelta(hours=3), [following])
        assert owed_cells(engine, XTKS, following).is_empty()
        assert [event["session"] for event in factory.events("tickstock.eod.complete")][-1] == str(following)
        kept = "SELECT DISTINCT session FROM maintenance_runs WHERE market = 'XTKS' AND kind = 'light' ORDER BY 1"
        earlier = XTKS.previous_session(first)
        assert factory.rows(kept) == [earlier, *before, missed[-1], following], "after each that it was there for"
        assert not world.failed_ticks
