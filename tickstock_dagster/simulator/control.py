"""The control plane under `/_control`: drives a running simulator. Answers loopback callers only.

| method and path | does |
|---|---|
| GET /_control/stats[?calls=true] | counts of vendor calls |
| DELETE /_control/stats | reset the counts to zero |
| GET, POST, DELETE /_control/faults | list, install (one object or an array), clear |
| POST /_control/clock | `{"now": "2026-11-20T21:30:00Z"}`; null: the real clock |
| POST /_control/rate | reset the rate windows; `{"calls": 5, "per_seconds": 60}` changes the rate of all keys |
| POST /_control/bars/replace | apply a correction, or an array of them, in the form that `correct` takes |
| DELETE /_control/bars | undo all corrections |
| POST /_control/actions | change the feed of splits or dividends, or an array of changes, as `ActionEdits.edit` |
| DELETE /_control/actions | undo all of these changes |
"""

import ipaddress
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.endpoints.corporate_actions import feed_rows
from tickstock_dagster.simulator.faults.catalogue import parse_fault
from tickstock_dagster.simulator.market.action_edits import DAY_OF
from tickstock_dagster.simulator.market.corrections import FIELDS
from tickstock_dagster.simulator.market.tape import Tape
from tickstock_dagster.simulator.options import parse_instant
from tickstock_dagster.simulator.vendor import Vendor

Action = Callable[[Vendor, Any, Request], Any]


def _stats(vendor: Vendor, _body: Any, request: Request) -> Any:
    return vendor.stats.described(calls=request.query_params.get("calls") == "true")


def _reset_stats(vendor: Vendor, _body: Any, _request: Request) -> Any:
    vendor.stats.reset()
    return vendor.stats.described()


def _faults(vendor: Vendor, _body: Any, _request: Request) -> Any:
    return {"faults": vendor.faults.described()}


def _install(vendor: Vendor, body: Any, _request: Request) -> Any:
    wanted = [parse_fault(_object(item, "fault")) for item in (body if isinstance(body, list) else [body])]
    for fault in wanted:
        vendor.faults.install(fault)
    return {"faults": vendor.faults.described()}


def _clear_faults(vendor: Vendor, _body: Any, _request: Request) -> Any:
    vendor.faults.clear()
    return {"faults": []}


def _clock(vendor: Vendor, body: Any, _request: Request) -> Any:
    given = _object(body, "clock")
    if "now" not in given:
        raise BadInputError("now", "", "an ISO 8601 instant, or null for the real clock")
    vendor.clock.set(None if given["now"] is None else parse_instant(str(given["now"])))
    return {"now": vendor.clock.now().isoformat()}


def _rate(vendor: Vendor, body: Any, _request: Request) -> Any:
    given = _object(body or {}, "rate")
    calls, seconds = given.get("calls"), given.get("per_seconds")
    if (calls is not None and (not isinstance(calls, int) or calls < 1)) or (
        seconds is not None and (not isinstance(seconds, int | float) or seconds <= 0)
    ):
        raise BadInputError("rate", orjson.dumps(given).decode(), "calls: 1 or more, per_seconds: above 0")
    vendor.gate.reset_rates(calls, seconds)
    return {"reset": True}


def _replace(vendor: Vendor, body: Any, _request: Request) -> Any:
    items = [_object(item, "bars") for item in (body if isinstance(body, list) else [body])]
    for item in items:
        correct(vendor.wait_for_tape(), item)
    return {"replaced": len(items)}


def _restore(vendor: Vendor, _body: Any, _request: Request) -> Any:
    vendor.corrections.clear()
    return {"restored": True}


def _edit_actions(vendor: Vendor, body: Any, _request: Request) -> Any:
    items = [_object(item, "actions") for item in (body if isinstance(body, list) else [body])]
    for item in items:
        edit_action(vendor.wait_for_tape(), item, vendor.clock.now())
    return {"changed": len(items)}


def _restore_actions(vendor: Vendor, _body: Any, _request: Request) -> Any:
    vendor.action_edits.clear()
    return {"restored": True}


def edit_action(tape: Tape, given: dict[str, Any], now: datetime) -> None:
    """Change the feed of splits or dividends at an instant; see `ActionEdits.edit`.

    Raises:
        BadInputError: a field is wrong; names it.
    """
    feed = str(given.get("feed"))
    rows = feed_rows(feed, tape, now) if feed in DAY_OF else []
    tape.action_edits.edit(given, rows, now)


def correct(tape: Tape, given: dict[str, Any]) -> None:
    """Apply one correction of a bar or a day.

    `{"ticker", "session", "close": 10.5, …}` replaces values of a bar, `{"ticker", "session", "remove": true}` removes
    it, `{"session", "scale": 1.01}` scales a whole day. Prices are raw.

    Raises:
        BadInputError: a field is wrong; names it.
    """
    try:
        day = date.fromisoformat(str(given.get("session")))
    except ValueError:
        raise BadInputError("session", given.get("session"), "a date, YYYY-MM-DD") from None
    values = {name: given[name] for name in FIELDS if name in given}
    unknown = set(given) - set(FIELDS) - {"ticker", "session", "scale", "remove"}
    if unknown:
        accepted = ", ".join(["ticker", "session", "scale", "remove", *FIELDS])
        raise BadInputError("bars", min(unknown), f"accepted: {accepted}")
    for name, value in {**values, **({"scale": given["scale"]} if "scale" in given else {})}.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadInputError(name, value, "a number")
    ticker = given.get("ticker")
    if ticker and not any(holder.ticker_on(day) == ticker for holder in tape.data.holders(ticker)):
        raise BadInputError("ticker", ticker, f"a ticker that is listed on {day}")
    if ticker is None and "scale" in given and not values:
        tape.corrections.scale(day, float(given["scale"]))
    elif ticker and given.get("remove"):
        tape.corrections.remove(str(ticker), day)
    elif ticker and values:
        tape.corrections.replace(str(ticker), day, values)
    else:
        raise BadInputError("bars", orjson.dumps(given).decode(), "a ticker with prices or remove, or a day's scale")


def _object(body: Any, name: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadInputError(name, body, "a JSON object")
    return body


def _loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _answer(status: int, content: Any) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")


def control_routes(vendor: Vendor) -> list[Route]:
    """The routes of the control plane."""
    actions: dict[str, dict[str, Action]] = {
        "/_control/stats": {"GET": _stats, "DELETE": _reset_stats},
        "/_control/faults": {"GET": _faults, "POST": _install, "DELETE": _clear_faults},
        "/_control/clock": {"POST": _clock},
        "/_control/rate": {"POST": _rate},
        "/_control/bars/replace": {"POST": _replace},
        "/_control/bars": {"DELETE": _restore},
        "/_control/actions": {"POST": _edit_actions, "DELETE": _restore_actions},
    }

    def route(path: str, methods: dict[str, Action]) -> Route:
        async def endpoint(request: Request) -> Response:
            if not _loopback(request):
                return _answer(403, {"error": "the control plane answers loopback callers only"})
            raw = await request.body()
            await vendor.tape()
            try:
                return _answer(200, methods[request.method](vendor, orjson.loads(raw) if raw else None, request))
            except orjson.JSONDecodeError:
                return _answer(400, {"error": "the body is not JSON"})
            except BadInputError as error:
                return _answer(400, {"error": str(error)})

        return Route(path, endpoint, methods=list(methods))

    return [route(path, methods) for path, methods in actions.items()]
