"""Net asset values and sectors of funds: what a row must have, what is left out, and both forms of an allocation."""

import json
from datetime import date
from typing import Any

import pytest

from tickstock_dagster.adapters.sources.massive.fund_facts import _allocations, _navs, allocation_of, facts_page
from tickstock_dagster.adapters.sources.protocol import MalformedAnswerError

FRI = date(2026, 11, 20)
ROW = {"composite_ticker": "SPY", "effective_date": "2026-11-20", "processed_date": "2026-11-20", "nav": 660.1}


def body(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"status": "OK", "count": len(rows), "results": rows}).encode()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, [("SPY", 660.1)]),
        ({"nav": "None"}, [("SPY", None)]),
        ({"nav": 0}, [("SPY", None)]),
        ({"nav": 1e9}, [("SPY", None)]),
        ({"nav": "much"}, [("SPY", None)]),
        ({"composite_ticker": None}, []),
        ({"effective_date": None}, []),
        ({"effective_date": "2026-11-23"}, []),
        ({"processed_date": "2026-11-19", "effective_date": "2026-11-19"}, []),
    ],
)
def test_a_row_that_cannot_be_used_ends_itself_alone(change: dict[str, Any], found: list[tuple[str, float]]) -> None:
    sound = {**ROW, "composite_ticker": "QQQ"}
    page = facts_page(body({**ROW, **change}, sound), _navs, FRI, FRI)
    assert page.frame.select("ticker", "nav").rows() == [*found, ("QQQ", 660.1)]


def test_an_answer_about_nothing_is_malformed() -> None:
    with pytest.raises(MalformedAnswerError):
        facts_page(body({"composite_ticker": None}), _navs, FRI, FRI)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ([{"key": "utilities", "value": 0.4}, {"key": "energy", "value": 1}], {"energy": 1.0, "utilities": 0.4}),
        ({"energy": -0.5}, {"energy": -0.5}),
        ({}, None), ([], None), (None, None), ("None", None), ([1], None), ({"energy": True}, None),
        ({"energy": "0.4"}, None), ({"energy": 40.0}, None), ({"": 0.4}, None), ({"a\x00": 0.4}, None),
        ([{"key": "energy", "value": 0.4}, {"key": "energy", "value": 0.1}], None),
        ({str(n): 0.001 for n in range(101)}, None),
    ],
)  # fmt: skip
def test_an_allocation_comes_as_a_list_or_as_an_object_and_is_whole_or_none(given: object, found: object) -> None:
    written = allocation_of(given)
    assert (None if written is None else json.loads(written)) == found
    page = facts_page(body({**ROW, "sector_exposure": given}), _allocations, FRI, FRI)
    assert page.frame["allocation"].to_list() == [written]
