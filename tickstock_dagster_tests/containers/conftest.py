"""The stack that the container tests share: built and started once, removed with everything in it at the end."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tickstock_dagster_tests.containers.stack import Stack, docker, wait_for, why_not_here

SERVICES = ("timescaledb", "redis", "simulator", "code", "events", "webserver", "daemon")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`docker compose up -d --build`, and everything healthy. Skips where there is no engine."""
    if reason := why_not_here():
        pytest.skip(reason)
    passwords = {name: secrets.token_hex(12) for name in ("POSTGRES", "WAREHOUSE", "DAGSTER", "REDIS")}
    made = Stack(passwords, _free_ports("WEBSERVER", "POSTGRES", "REDIS"), tmp_path_factory.mktemp("stack"))
    try:
        made.compose("up", "-d", "--build")
        for service in SERVICES:
            wait_for(f"{service} is healthy", lambda service=service: _healthy(made, service), 180)
        yield made
    finally:
        for run in docker(
            "ps", "--all", "--quiet", "--filter", "label=dagster/run_id", "--filter", "network=tickstock"
        ).split():
            docker("rm", "--force", run)
        made.compose("down", "--volumes", "--timeout", "10")


def _healthy(stack: Stack, service: str) -> str | None:
    health = stack.inspect(stack.container(service))["State"]["Health"]["Status"]
    return health if health == "healthy" else None


def _free_ports(*names: str) -> dict[str, int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in names]
        return dict(zip(names, (listener.getsockname()[1] for listener in listeners), strict=True))
