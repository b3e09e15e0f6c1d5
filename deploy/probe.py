"""Health checks of the containers: `probe.py http PORT PATH`, `grpc PORT`, `fresh FILE SECONDS`. Exit code 0: healthy.

They are cheap on purpose: they run every few seconds, and `dagster api grpc-health-check` costs ten times as much.
"""

import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

TIMEOUT = 8


def http(port: str, path: str) -> bool:
    """Whether GET answers with 200."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=TIMEOUT) as answer:
        return bool(answer.status == 200)


def grpc(port: str) -> bool:
    """Whether the code location reports over gRPC's health protocol that it is serving."""
    from grpc import insecure_channel
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with insecure_channel(f"127.0.0.1:{port}") as channel:
        request = health_pb2.HealthCheckRequest(service="DagsterApi")
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=TIMEOUT)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def fresh(path: str, seconds: str) -> bool:
    """Whether a file was modified within so many seconds."""
    return time.time() - Path(path).stat().st_mtime < float(seconds)


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    probes: dict[str, Callable[..., bool]] = {"http": http, "grpc": grpc, "fresh": fresh}
    sys.exit(0 if probes[kind](*arguments) else 1)
