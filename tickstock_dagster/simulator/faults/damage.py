"""What faults do to a good answer: each takes the payload and returns a damaged one.

Rows are the vendor's dictionaries (`o h l c v t`, and `T` in whole-market answers). A payload in which a fault finds
nothing to damage stays as it is, and the call does not count for the fault.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.faults import catalogue as faults
from tickstock_dagster.simulator.faults.catalogue import Fault

Payload = dict[str, Any]
Row = dict[str, Any]
_DAY_MS = 86_400_000
_SATURDAY = 5
_PRICES = ("o", "h", "l", "c", "vw")


def spoil(fault: Fault, payload: Payload, about: str | None, day: date | None) -> Payload | None:
    """The payload after `fault`; None where the fault does not apply to it.

    Args:
        fault: what goes wrong.
        payload: the good answer; never changed in place.
        about: the ticker that the call requests, if it requests a single one.
        day: the day that the call requests, if it requests a single one.
    """
    spoiler = _SPOILERS.get(type(fault))
    return spoiler(fault, payload, about, day) if spoiler else None


def _rows(payload: Payload) -> list[Row]:
    rows = payload.get("results")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _bars(payload: Payload) -> list[Row]:
    return [row for row in _rows(payload) if "t" in row]


def _chosen(fault: Fault, payload: Payload) -> Iterator[tuple[int, Row]]:
    """Bars that the fault's ticker and day select, with their positions."""
    for index, row in enumerate(_bars(payload)):
        if fault.ticker and "T" in row and row["T"] != fault.ticker:
            continue
        if fault.day and wire.stamp_day(row["t"]) != fault.day:
            continue
        yield index, row


def _with_rows(payload: Payload, rows: list[Row]) -> Payload:
    changed = {**payload, "results": rows}
    for name in ("resultsCount", "queryCount", "count"):
        if name in payload:
            changed[name] = len(rows)
    if not rows and "resultsCount" in changed:
        del changed["results"]
    return changed


def _empty(_fault: Fault, payload: Payload, _about: str | None, _day: date | None) -> Payload | None:
    if "results" not in payload:
        return None
    kept = {name: value for name, value in payload.items() if name not in ("results", "next_url")}
    zeros: Payload = {name: 0 for name in ("resultsCount", "queryCount", "count") if name in kept}
    # Where the vendor counts nothing, an empty list is how it says that there is nothing.
    return kept | (zeros or ({"results": []} if isinstance(payload["results"], list) else {}))


def _null(_fault: Fault, payload: Payload, _about: str | None, _day: date | None) -> Payload | None:
    return {**payload, "results": None} if "results" in payload else None


def _other_ticker(fault: faults.OtherTicker, payload: Payload, about: str | None, _day: date | None) -> Payload | None:
    changed = dict(payload)
    for name in ("ticker", "symbol"):
        if isinstance(payload.get(name), str):
            changed[name] = fault.answers
    results = payload.get("results")
    names = ("T", "ticker", "composite_ticker")
    if isinstance(results, dict):
        changed["results"] = {**results, **{name: fault.answers for name in names if name in results}}
    elif isinstance(results, list):
        target = fault.ticker or about
        changed["results"] = [
            {
                **row,
                **{name: fault.answers for name in names if row.get(name) == target or (not target and name in row)},
            }
            for row in _rows(payload)
        ]
    return changed if changed != payload else None


def _other_day(fault: faults.OtherDay, payload: Payload, _about: str | None, _day: date | None) -> Payload | None:
    shifted = [{**row, "t": row["t"] + fault.shift_days * _DAY_MS} for row in _bars(payload)]
    return _with_rows(payload, shifted) if shifted else None


def _duplicates(fault: Fault, payload: Payload, _about: str | None, _day: date | None) -> Payload | None:
    repeated = {index for index, _ in _chosen(fault, payload)}
    rows: list[Row] = []
    for index, row in enumerate(_bars(payload)):
        rows += [row, dict(row)] if index in repeated else [row]
    return _with_rows(payload, rows) if repeated else None


def _contradictions(
    fault: faults.ContradictingRows, payload: Payload, _about: str | None, _day: date | None
) -> Payload | None:
    repeated = {index for index, row in _chosen(fault, payload) if row.get("c") is not None}
    rows: list[Row] = []
    for index, row in enumerate(_bars(payload)):
        rows.append(row)
        if index in repeated:
            close = round(row["c"] * fault.by, 4)
            rows.append({**row, "c": close, "h": max(row.get("h") or close, close)})
    return _with_rows(payload, rows) if repeated else None


def _saturday(fault: Fault, payload: Payload, about: str | None, day: date | None) -> Payload | None:
    bars = _bars(payload)
    if day is not None and day.weekday() == _SATURDAY and not bars:
        ticker = fault.ticker or "AAPL"
        row = {"T": ticker, "o": 240.5, "h": 241.5, "l": 240.0, "c": 241.0, "v": 1200, "t": wire.grouped_stamp(day)}
        return _with_rows(payload, [row])
    fridays = [row for row in bars if wire.stamp_day(row["t"]).weekday() == _SATURDAY - 1]
    if not fridays or about is None:
        return None
    friday = fridays[-1]
    saturday = {**friday, "t": wire.range_stamp(wire.stamp_day(friday["t"]) + timedelta(days=1))}
    rows: list[Row] = []
    for row in bars:
        rows += [row, saturday] if row is friday else [row]
    return _with_rows(payload, rows)


def _missing(fault: faults.MissingSymbols, payload: Payload, about: str | None, _day: date | None) -> Payload | None:
    rows = _bars(payload)
    if about is not None or not rows:
        return None
    gone = set(fault.tickers) or {row["T"] for row in rows[: fault.count]}
    kept = [row for row in rows if row["T"] not in gone]
    return _with_rows(payload, kept) if len(kept) < len(rows) else None


def _half_split(
    fault: faults.HalfAppliedSplit, payload: Payload, _about: str | None, _day: date | None
) -> Payload | None:
    rows = _bars(payload)
    spoiled = False
    for index, row in _chosen(fault, payload):
        halved = {name: round(row[name] / fault.ratio, 4) for name in ("o", "h") if row.get(name) is not None}
        rows[index] = {**row, **halved}
        spoiled = True
    return _with_rows(payload, rows) if spoiled else None


def _replaced(fault: faults.ReplacedDay, payload: Payload, _about: str | None, _day: date | None) -> Payload | None:
    rows = _bars(payload)
    spoiled = False
    for index, row in _chosen(fault, payload):
        rows[index] = {
            **row,
            **{name: round(row[name] * fault.factor, 4) for name in _PRICES if row.get(name) is not None},
        }
        spoiled = True
    return _with_rows(payload, rows) if spoiled else None


def _delayed(_fault: Fault, payload: Payload, _about: str | None, _day: date | None) -> Payload | None:
    return {**payload, "status": "DELAYED"} if payload.get("status") == "OK" else None


_SPOILERS: dict[type[Any], Callable[[Any, Payload, str | None, date | None], Payload | None]] = {
    faults.Empty200: _empty,
    faults.NullResults: _null,
    faults.OtherTicker: _other_ticker,
    faults.OtherDay: _other_day,
    faults.DuplicateRows: _duplicates,
    faults.ContradictingRows: _contradictions,
    faults.SaturdayBar: _saturday,
    faults.MissingSymbols: _missing,
    faults.HalfAppliedSplit: _half_split,
    faults.ReplacedDay: _replaced,
    faults.DelayedStatus: _delayed,
}
