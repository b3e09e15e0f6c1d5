"""The vendor's special days: the wire's shape, and the real client against the simulator."""

from datetime import UTC, date, datetime

import orjson
import pytest

from tickstock_dagster.adapters.sources.massive.announcements import special_days
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError, SpecialDay
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import SATURDAY, quick_source

CLOSED = {"exchange": "NYSE", "name": "Thanksgiving", "date": "2026-11-26", "status": "closed"}
EARLY = {
    "exchange": "NASDAQ", "name": "Thanksgiving", "date": "2026-11-27", "status": "early-close",
    "open": "2026-11-27T14:30:00.000Z", "close": "2026-11-27T18:00:00.000Z",
}  # fmt: skip


def test_closed_days_and_early_closes_are_read() -> None:
    assert special_days(orjson.dumps([CLOSED, EARLY])).days == (
        SpecialDay("NYSE", date(2026, 11, 26), "Thanksgiving", None),
        SpecialDay("NASDAQ", date(2026, 11, 27), "Thanksgiving", datetime(2026, 11, 27, 18, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "OK", "results": []},
        [],
        ["closed"],
        [{**CLOSED, "status": "open"}],
        [{key: text for key, text in CLOSED.items() if key != "exchange"}],
        [{**CLOSED, "date": "soon"}],
        [{**EARLY, "close": None}],
        [{**EARLY, "close": "2026-11-27T18:00:00"}],
    ],
)
def test_what_cannot_be_relied_on_is_no_answer(answer: object) -> None:
    with pytest.raises(MalformedAnswerError):
        special_days(orjson.dumps(answer))


@pytest.mark.parametrize("row", [7, {**CLOSED, "status": "mourning"}, {**CLOSED, "date": None}, {"status": "closed"}])
def test_an_odd_row_is_set_aside_alone(row: object) -> None:
    found = special_days(orjson.dumps([row, CLOSED]))
    assert [day.day for day in found.days] == [date(2026, 11, 26)]
    assert len(found.odd) == 1


def test_a_cut_body_is_no_answer() -> None:
    with pytest.raises(MalformedAnswerError, match="cut or not JSON"):
        special_days(orjson.dumps([CLOSED])[:-3])


def test_the_real_client_reads_the_simulators_list(market: RunningSimulator) -> None:
    market.reset()
    market.set_now(SATURDAY)
    source = quick_source(market)
    listed = {(day.exchange, day.day): day.closes_at for day in source.special_days()}
    assert listed["NYSE", date(2026, 11, 26)] is None
    assert listed["NASDAQ", date(2026, 11, 27)] == datetime(2026, 11, 27, 18, tzinfo=UTC)
    assert ("NYSE", date(2026, 11, 25)) not in listed
    assert [call.outcome for call in source.drain_calls()] == ["ok"]
    source.close()
