"""Serves the vendor on a port: the ASGI application, and a server in the foreground or in a thread."""

import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from tickstock_dagster.core.errors import BadInputError
from tickstock_dagster.simulator.control import control_routes
from tickstock_dagster.simulator.http.replies import BreakableProtocol
from tickstock_dagster.simulator.options import SimulatorOptions
from tickstock_dagster.simulator.vendor import Vendor

if TYPE_CHECKING:
    from tickstock_dagster.simulator.market.market_data import MarketData


_BACKLOG = 512


def build_vendor(options: SimulatorOptions) -> Vendor:
    """A vendor for `options`; the market is loaded later.

    Raises:
        BadInputError: the file of bars or of symbols is missing or malformed.
    """
    load = _bars(options)
    if options.symbol_file is None:
        return Vendor(options, load)
    from tickstock_dagster.simulator.market.symbols_file import read_symbols_file
    from tickstock_dagster.simulator.market.symbols_market import SymbolsMarket

    listed = read_symbols_file(options.symbol_file)
    return Vendor(options, lambda: SymbolsMarket(listed, load()))


def _bars(options: SimulatorOptions) -> "Callable[[], MarketData]":
    """A function that loads the market of bars; a file is read and validated at once."""
    if options.bars is not None:
        from tickstock_dagster.simulator.market.bars_file import read_file_market

        market = read_file_market(options.bars)
        return lambda: market

    def synthetic() -> "MarketData":
        from tickstock_dagster.simulator.synthetic.market import synthetic_market

        return synthetic_market(options.seed, options.symbols)

    return synthetic


async def _health(_request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


def build_app(vendor: Vendor) -> Starlette:
    """The application: health, control plane, and the vendor for everything else."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        import asyncio

        warming = asyncio.create_task(vendor.tape())
        yield
        warming.cancel()
        vendor.close()

    routes: list[Route | Mount] = [Route("/health", _health)]
    if vendor.options.control:
        routes += control_routes(vendor)
    return Starlette(routes=[*routes, Mount("/", app=vendor)], lifespan=lifespan)


def listening_socket(host: str, port: int) -> socket.socket:
    """A listening socket: its address is known, and it accepts calls, before the server runs.

    Raises:
        BadInputError: the address is taken or not available.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise BadInputError("port", f"{host}:{port}", f"an address to listen on ({error.strerror})") from None
    return listener


def build_server(vendor: Vendor) -> uvicorn.Server:
    """A server for `vendor`; run it with a socket of `listening_socket`."""
    return uvicorn.Server(
        uvicorn.Config(
            build_app(vendor),
            http=BreakableProtocol,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=30,
        )
    )


def serve(options: SimulatorOptions) -> None:
    """Serve in the foreground until interrupted; prints the address.

    Raises:
        BadInputError: the port is taken, or a file of bars or symbols is malformed.
    """
    vendor = build_vendor(options)
    listener = listening_socket(options.host, options.port)
    host, port = listener.getsockname()[:2]
    server = build_server(vendor)

    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # Not as an exception, which is lost where it meets a callback of the interpreter's own.
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    print(f"simulator: http://{host}:{port} plan {options.plan}", flush=True)
    server.run(sockets=[listener])
