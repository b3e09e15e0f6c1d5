"""How these tests talk to a simulator: plain HTTP, without a client's opinions about the answer."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
import urllib3

from tickstock_dagster.simulator.testing import RunningSimulator

EASTERN = ZoneInfo("America/New_York")
SUNDAY = datetime(2026, 11, 22, 15, tzinfo=UTC)
"""Friday 2026-11-20 is the latest closed session."""
FRIDAY = date(2026, 11, 20)


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.json["results"]


def ask(
    simulator: RunningSimulator,
    path: str,
    *,
    key: str | None = "simulator",
    method: str = "GET",
    body: Any = None,
    timeout: float = 30.0,
    **query: Any,
) -> Reply:
    """One request without retries. `execution_date__gte=` asks for `execution_date.gte`; bytes are sent as they are."""
    named = {name.replace("__", "."): str(value) for name, value in query.items()}
    url = path if path.startswith("http") else simulator.url + path
    if named:
        url += f"?{urlencode(named)}"
    with urllib3.PoolManager() as pool:
        reply = pool.request(
            method,
            url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            body=body if body is None or isinstance(body, bytes) else orjson.dumps(body),
            retries=False,
            timeout=timeout,
        )
        return Reply(reply.status, {name.lower(): value for name, value in reply.headers.items()}, reply.data)


def day_range(ticker: str, first: date | str, last: date | str) -> str:
    return f"/v2/aggs/ticker/{ticker}/range/1/day/{first}/{last}"


def grouped(day: date | str) -> str:
    return f"/v2/aggs/grouped/locale/us/market/stocks/{day}"


def all_rows(simulator: RunningSimulator, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every page of a list endpoint."""
    reply = ask(simulator, path, **query)
    rows = reply.rows
    while "next_url" in reply.json:
        reply = ask(simulator, reply.json["next_url"])
        rows += reply.rows
    return rows


def eastern_day(stamp: int) -> date:
    return datetime.fromtimestamp(stamp / 1000, EASTERN).date()
