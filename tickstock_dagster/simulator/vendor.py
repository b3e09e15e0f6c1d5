"""The vendor itself: every request passes fault, key, rate, entitlement, parameters and data, in that order."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from tickstock_dagster.simulator import wire
from tickstock_dagster.simulator.clock import Clock, eastern_date
from tickstock_dagster.simulator.endpoints import (
    aggregates,
    corporate_actions,
    etf_global,
    filings,
    fmv,
    ipos,
    listings,
    market_status,
    news,
    ranges,
)
from tickstock_dagster.simulator.faults import catalogue as faults
from tickstock_dagster.simulator.faults.engine import FaultEngine, Subject
from tickstock_dagster.simulator.http.access import Gate
from tickstock_dagster.simulator.http.call import Call, Handler
from tickstock_dagster.simulator.http.replies import drop, send_answer
from tickstock_dagster.simulator.market.action_edits import ActionEdits
from tickstock_dagster.simulator.market.corrections import Corrections
from tickstock_dagster.simulator.market.market_data import MarketData
from tickstock_dagster.simulator.market.tape import Tape
from tickstock_dagster.simulator.options import SimulatorOptions
from tickstock_dagster.simulator.stats import Stats

ENDPOINTS: dict[str, Handler] = {
    "/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}": ranges.range_bars,
    "/v2/aggs/grouped/locale/us/market/stocks/{date}": aggregates.grouped,
    "/v2/aggs/ticker/{ticker}/prev": aggregates.previous,
    "/v1/open-close/{ticker}/{date}": aggregates.open_close,
    "/v3/snapshot": fmv.snapshots,
    "/v3/reference/tickers": listings.tickers,
    "/v3/reference/tickers/types": listings.types,
    "/v3/reference/tickers/{ticker}": listings.details,
    "/v3/reference/exchanges": listings.exchanges,
    "/vX/reference/tickers/{id}/events": listings.events,
    "/stocks/v1/splits": corporate_actions.splits,
    "/stocks/v1/dividends": corporate_actions.dividends,
    "/v3/reference/splits": corporate_actions.old_splits,
    "/v3/reference/dividends": corporate_actions.old_dividends,
    "/etf-global/v1/profiles": etf_global.profiles,
    "/etf-global/v1/taxonomies": etf_global.taxonomies,
    "/etf-global/v1/fund-flows": etf_global.fund_flows,
    "/vX/reference/ipos": ipos.experimental_ipos,
    "/v1/reference/ipos": ipos.ipos,
    "/v2/reference/news": news.news,
    "/stocks/filings/vX/index": filings.index,
    "/v1/marketstatus/now": market_status.now,
    "/v1/marketstatus/upcoming": market_status.upcoming,
}
"""Paths and their handlers; the first match wins."""

_PATTERNS = [(template, compile_path(template)[0]) for template in ENDPOINTS]


def _unknown(_call: Call) -> wire.Payload:
    raise wire.not_found("Resource not found.")


class Vendor:
    """State of one simulator and the ASGI application of the vendor's own paths.

    Args:
        options: of the simulator.
        load: returns the market; called once, in a thread, while the server already listens.
    """

    def __init__(self, options: SimulatorOptions, load: Callable[[], MarketData]) -> None:
        self.options = options
        self.clock = Clock(options.now)
        self.gate = Gate(options.key_plans(), time.monotonic, options.etf_facts)
        self.faults = FaultEngine()
        self.stats = Stats()
        self.corrections = Corrections()
        self.action_edits = ActionEdits()
        self._load = load
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="simulator-market")
        self._opening: Future[Tape] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        path: str = scope["path"]
        template, parts = self._match(path)
        asked = request.query_params.get("ticker") or request.query_params.get("composite_ticker")
        subject = _subject(path, parts, asked)
        request_id = wire.new_request_id()
        refused = self.faults.refusal(subject)
        if isinstance(refused, faults.ConnectionDrop):
            self.stats.count(template, path, None)
            await drop(scope)
            return
        answer = _refused(refused) if refused else await self._answer(request, template, parts, subject, request_id)
        if isinstance(answer, wire.Refusal):
            answer = answer.answer(request_id)
        seconds_late = self.faults.delay(subject)
        self.stats.count(template, path, answer.status)
        if seconds_late:
            await asyncio.sleep(seconds_late)
        cut = self.faults.cut(subject) if answer.status == 200 else None
        await send_answer(scope, send, answer, request_id, cut)

    async def tape(self) -> Tape:
        """What the vendor has published; waits until the market is loaded."""
        return await asyncio.shield(asyncio.wrap_future(self._opened()))

    def wait_for_tape(self) -> Tape:
        """The same for a thread, which it blocks until then."""
        return self._opened().result()

    def _opened(self) -> "Future[Tape]":
        if self._opening is None:
            self._opening = self._reader.submit(self._open)
        return self._opening

    def _open(self) -> Tape:
        from tickstock_dagster.simulator.market.sessions import sessions

        data = self._load()
        delay = timedelta(minutes=self.options.publish_delay_minutes)
        tape = Tape(
            data,
            sessions(),
            delay,
            self.corrections,
            self.faults.lateness,
            self.faults.late_days,
            self.action_edits,
            self.options.seed,
        )
        tape.reach(eastern_date(self.clock.now()))
        data.warm()
        return tape

    def close(self) -> None:
        """End the loading thread."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _match(self, path: str) -> tuple[str, dict[str, str]]:
        for template, pattern in _PATTERNS:
            found = pattern.match(path)
            if found:
                return template, found.groupdict()
        return "other", {}

    async def _answer(
        self, request: Request, template: str, parts: dict[str, str], subject: Subject, request_id: str
    ) -> wire.Answer | wire.Refusal:
        try:
            query = dict(request.query_params)
            plan = self.gate.admit(request.headers.get("authorization"), query.get("apiKey"), subject.path)
            if request.method != "GET":
                return wire.Refusal(405, {"status": "ERROR", "error": "Method not allowed"})
            tape, now = await self.tape(), self.clock.now()
            tape.reach(eastern_date(now))
            origin = f"{request.url.scheme}://{request.url.netloc}"
            call = Call(subject.path, parts, query, origin, plan, now, tape, self.options.rough)
            payload = ENDPOINTS.get(template, _unknown)(call)
        except wire.Refusal as refusal:
            return refusal
        if isinstance(payload, dict):
            if template not in ("/v1/open-close/{ticker}/{date}", "/v1/marketstatus/now"):
                payload["request_id"] = request_id
            payload = self.faults.spoiled(subject, payload)
        return wire.Answer(200, payload)


def _subject(path: str, parts: dict[str, str], asked: str | None) -> Subject:
    first, last = ranges.days_of(parts) or (None, None)
    return Subject(path, parts.get("ticker") or parts.get("id") or asked, first, last)


_GATEWAY_PAGE = (
    "<html><head><title>{status} {words}</title></head><body><center><h1>{status} {words}</h1></center>"
    "<hr><center>nginx</center></body></html>\n"
)
_GATEWAY_WORDS = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}


def _refused(fault: faults.Fault) -> wire.Answer | wire.Refusal:
    """The answer with which a fault replaces the vendor's."""
    if isinstance(fault, faults.RateLimitStorm):
        return wire.too_many(fault.retry_after)
    if isinstance(fault, faults.ServerError):
        page = _GATEWAY_PAGE.format(status=fault.status, words=_GATEWAY_WORDS[fault.status])
        return wire.Answer(fault.status, page)
    if isinstance(fault, faults.OutOfHistory):
        return wire.forbidden(wire.OUT_OF_HISTORY)
    if isinstance(fault, faults.BeforeEndOfDay):
        return wire.forbidden(wire.BEFORE_END_OF_DAY)
    return wire.forbidden(wire.NOT_ENTITLED)
