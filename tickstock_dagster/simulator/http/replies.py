"""Bytes on the wire: encoded answers, and the ways in which a connection breaks."""

import asyncio
from typing import TYPE_CHECKING

import orjson
from starlette.types import Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tickstock_dagster.simulator.faults.catalogue import CutBody
from tickstock_dagster.simulator.wire import Answer

if TYPE_CHECKING:
    from asyncio import Transport

_TRANSPORT = "simulator.transport"
_LET_GO = 0.05
"""Seconds for the server to notice that its connection is gone."""


class BreakableProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP protocol, which passes its connection to the application so that a fault can break it."""

    def on_message_begin(self) -> None:
        """Begin a request; its scope contains the connection."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport  # type: ignore[literal-required]  # a key of our own


def encoded(answer: Answer) -> tuple[bytes, str]:
    """Body and media type."""
    if isinstance(answer.payload, str):
        return answer.payload.encode(), "text/html"
    return orjson.dumps(answer.payload), "application/json"


async def send_answer(scope: Scope, send: Send, answer: Answer, request_id: str, cut: CutBody | None) -> None:
    """Send the whole answer, or as much of it as `cut` lets through.

    Args:
        scope: the request's ASGI scope, with its connection.
        send: of ASGI.
        answer: not yet encoded.
        request_id: for the header `x-request-id`.
        cut: the fault that cuts the body; None: send it all.
    """
    body, media = encoded(answer)
    sent = body[: max(int(len(body) * cut.share), 1)] if cut else body
    promised = body if cut and cut.short else sent
    headers = {
        "content-type": media,
        "content-length": str(len(promised)),
        "x-request-id": request_id,
        **{name.lower(): value for name, value in answer.headers},
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    broken = len(promised) > len(sent)
    await send({"type": "http.response.body", "body": sent, "more_body": broken})
    if broken:
        transport: Transport = scope[_TRANSPORT]
        transport.close()
        await asyncio.sleep(_LET_GO)


async def drop(scope: Scope) -> None:
    """Reset the connection without an answer."""
    transport: Transport = scope[_TRANSPORT]
    transport.abort()
    await asyncio.sleep(_LET_GO)
