"""Fair market values: how an answer is read, and the real client against the simulator."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl
import pytest
from starlette.routing import compile_path

from tickstock_dagster.adapters.sources.fair_values import FMV_SCHEMA, FairValueSource
from tickstock_dagster.adapters.sources.massive.fair_values import fetch_fair_values, snapshot_page
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError, NotEntitledError, RejectedRequestError
from tickstock_dagster.simulator import vendor as simulated
from tickstock_dagster.simulator.endpoints import fmv
from tickstock_dagster.simulator.testing import RunningSimulator
from tickstock_dagster_tests.adapters.load_helpers import quick_source
from tickstock_dagster_tests.simulator.asking import ask

EVENING = datetime(2026, 11, 20, 22, tzinfo=UTC)
STAMP = int(EVENING.timestamp()) * 10**9
PATH = "/v3/snapshot"


class EntitledSource(MassiveSource):
    """The vendor with its door to fair values."""

    def fair_values(self, tickers: Sequence[str]) -> pl.DataFrame:
        return fetch_fair_values(self._http, tickers)


@contextmanager
def simulator(plan: str) -> Iterator[RunningSimulator]:
    """A vendor with snapshots."""
    with pytest.MonkeyPatch.context() as patch:
        if PATH not in simulated.ENDPOINTS:
            patch.setitem(simulated.ENDPOINTS, PATH, fmv.snapshots)
            patch.setattr(simulated, "_PATTERNS", [*simulated._PATTERNS, (PATH, compile_path(PATH)[0])])
        with RunningSimulator(plan=plan, now=EVENING, rate=(100_000, 1)) as running:
            running.vendor.wait_for_tape()
            yield running


@pytest.fixture(scope="module")
def business() -> Iterator[RunningSimulator]:
    with simulator("business") as running:
        yield running


def body(*rows: dict[str, Any], **others: Any) -> bytes:
    return orjson.dumps({"status": "OK", "results": list(rows), **others})


def value(ticker: str = "AAA", **fields: Any) -> dict[str, Any]:
    return {"ticker": ticker, "fmv": 10.5, "fmv_last_updated": STAMP, **fields}


def test_values_are_read_with_their_time_and_what_has_none_is_left_out() -> None:
    rows = [value(), {"ticker": "BBB", "name": "Without"}, {"ticker": "CCC", "error": "NOT_FOUND", "message": "?"}]
    page = snapshot_page(body(*rows), ("AAA", "BBB", "CCC"))
    assert page.frame.schema == pl.Schema(FMV_SCHEMA)
    assert page.frame.rows() == [("AAA", 10.5, EVENING)]
    assert page.next_path is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (body(value("ZZZ")), "a snapshot of 'ZZZ', which was not asked for"),
        (body({"fmv": 10.5}), "no row has a ticker"),
        (body(value(), count=2), "1 results, but count 2"),
        (orjson.dumps({"status": "OK"}), "no results"),
        (b"<html>", "a web page"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(answer: bytes, words: str) -> None:
    with pytest.raises(MalformedAnswerError, match=words):
        snapshot_page(answer, ("AAA",))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (value(fmv="10.5"), "fmv is '10.5' instead of a number"),
        (value(fmv=[10.5]), "fmv is [10.5] instead of a number"),
        (value(fmv=True), "fmv is True instead of a number"),
        (value(fmv=0), "fmv is 0 instead of a price"),
        (value(fmv=-1.0), "fmv is -1.0 instead of a price"),
        ({"ticker": "AAA", "fmv": 10.5}, "fmv_last_updated is None instead of nanoseconds"),
        (value(fmv_last_updated=0), "fmv_last_updated is 0 instead of nanoseconds"),
        (value(fmv_last_updated=STAMP // 10**6), "instead of nanoseconds"),
        (value("ZZZ"), "the ticker was not asked for"),
        (value("A\x00"), "ticker is 'A\\x00' instead of a ticker"),
        (7, "the row is 7 instead of an object"),
    ],
)
def test_an_odd_row_is_set_aside_alone(row: Any, words: str) -> None:
    page = snapshot_page(body(row, value("BBB"), count=2), ("AAA", "BBB"))
    assert page.frame["ticker"].to_list() == ["BBB"]
    [line] = page.odd
    assert words in line


def test_the_real_client_gets_values_of_what_did_not_trade(business: RunningSimulator) -> None:
    plain = quick_source(business, "business")
    source = EntitledSource.__new__(EntitledSource)
    source.__dict__ = plain.__dict__
    assert isinstance(source, FairValueSource)
    found = source.fair_values(["THNR", "SPY", "THIN", "NOBODY"])
    assert found["ticker"].to_list() == ["SPY", "THIN", "THNR"]
    assert set(found["updated_at"]) == {EVENING}
    closes = {row[0]: row[1] for row in plain.grouped_bars(EVENING.date()).select("ticker", "close").iter_rows()}
    values = dict(found.select("ticker", "fmv").iter_rows())
    assert values["SPY"] == pytest.approx(closes["SPY"])
    assert values["THNR"] > 0
    assert [call.endpoint for call in source.drain_calls() if call.endpoint == PATH] == [PATH]


def test_many_tickers_are_asked_for_by_250(business: RunningSimulator) -> None:
    source = quick_source(business, "business")
    names = [f"T{number:04}" for number in range(501)]
    assert fetch_fair_values(source._http, names).is_empty()
    assert len(source.drain_calls()) == 3
    assert fetch_fair_values(source._http, []).is_empty()


def test_other_plans_have_no_value_and_the_free_one_no_snapshots() -> None:
    with simulator("advanced") as running:
        assert fetch_fair_values(quick_source(running)._http, ["SPY", "THIN"]).is_empty()
    with simulator("free") as running, pytest.raises(NotEntitledError):
        fetch_fair_values(quick_source(running, "free")._http, ["SPY"])


def test_the_simulator_refuses_what_the_vendor_refuses(business: RunningSimulator) -> None:
    assert ask(business, f"{PATH}?ticker.any_of={','.join(f'T{number}' for number in range(251))}").status == 400
    reply = ask(business, f"{PATH}?ticker.any_of=NOBODY,SPY")
    assert [row.get("error") for row in reply.rows] == ["NOT_FOUND", None]
    many = [f"T{number}" for number in range(251)]
    with pytest.raises(RejectedRequestError):
        quick_source(business, "business")._http.get(
            "too many",
            lambda client: client.list_universal_snapshots(ticker_any_of=many, raw=True),
            lambda found: snapshot_page(found, ()),
        )
