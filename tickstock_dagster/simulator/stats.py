"""Calls of the simulator: counts by endpoint and status, and the newest calls."""

from collections import Counter, deque
from threading import Lock
from typing import Any

_KEPT_CALLS = 20_000


class Stats:
    """Counts of vendor calls; health and control are not counted. Read and reset from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        """Start from zero."""
        with self._lock:
            self._endpoints: Counter[str] = Counter()
            self._statuses: Counter[str] = Counter()
            self._calls: deque[tuple[str, int | None]] = deque(maxlen=_KEPT_CALLS)

    def count(self, endpoint: str, path: str, status: int | None) -> None:
        """Count one call; `status` None when the connection was dropped."""
        with self._lock:
            self._endpoints[endpoint] += 1
            self._statuses["dropped" if status is None else str(status)] += 1
            self._calls.append((path, status))

    def described(self, calls: bool = False) -> dict[str, Any]:
        """`total`, `by_endpoint`, `by_status`; with `calls` also the newest 20,000 as path and status."""
        with self._lock:
            counted: dict[str, Any] = {
                "total": sum(self._endpoints.values()),
                "by_endpoint": dict(self._endpoints),
                "by_status": dict(self._statuses),
            }
            if calls:
                counted["calls"] = [{"path": path, "status": status} for path, status in self._calls]
        return counted
