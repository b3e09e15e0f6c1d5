"""The servers that come with a checkout: PostgreSQL, Valkey and the simulated vendor, on loopback TCP.

They live under the state folder (`.tickstock/`), stay up between commands and keep their ports. This module decides
which of them are needed, and is what the rest of the project imports; running a server, and passing its address on to
other programs, belong to the other modules of `adapters.services`.

Longer than 250 lines because starting the servers and resolving their addresses rest on one decision: which are needed.
"""

import socket
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from tickstock_dagster.adapters.services.addresses import ServiceAddresses, is_readable, without_password
from tickstock_dagster.adapters.services.base import EmbeddedService
from tickstock_dagster.adapters.services.environment import process_environment, write_dotenv
from tickstock_dagster.adapters.services.postgres import DAGSTER_STORAGE, WAREHOUSE, Postgres
from tickstock_dagster.adapters.services.simulator import Simulator
from tickstock_dagster.adapters.services.state import StateDir
from tickstock_dagster.adapters.services.valkey import Valkey
from tickstock_dagster.core.errors import ServiceUnavailableError, machine_words
from tickstock_dagster.core.loading.vendor_plans import PlanName
from tickstock_dagster.settings import Settings

__all__ = [
    "LocalServices",
    "ServiceAddresses",
    "ServiceStatus",
    "process_environment",
    "resolve_addresses",
    "service_statuses",
    "without_password",
    "write_dotenv",
]

SERVERS = {"database_url": "postgres", "dagster_storage_url": "postgres", "redis_url": "valkey"}
"""Field of `Settings` and `ServiceAddresses` to the embedded server that stands in for it."""


@dataclass(frozen=True)
class ServiceStatus:
    """One server as it is now.

    Attributes:
        name: postgres, valkey, simulator; or the field of a configured address.
        kind: embedded (ours to start) or configured (only checked).
        state: up; down; unresponsive (the process lives but does not answer).
        address: its URL without a password; None if an embedded one was never started.
        pid: process id of an embedded one.
        log: log file of an embedded one.
    """

    name: str
    kind: Literal["embedded", "configured"]
    state: Literal["up", "down", "unresponsive"]
    address: str | None = None
    pid: int | None = None
    log: str | None = None

    def as_json(self) -> dict[str, str | int | None]:
        """The same as a JSON object."""
        return asdict(self)


class LocalServices:
    """The embedded servers of one state folder."""

    def __init__(
        self,
        state_dir: Path,
        *,
        plan: PlanName = PlanName.STARTER,
        now: datetime | None = None,
        postgres_options: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing is created or started yet.

        Args:
            state_dir: where data, logs, ports and passwords are kept; created when something is started.
            plan: the vendor plan whose limits the simulator applies.
            now: the instant at which the simulator's clock stands; None: the real clock.
            postgres_options: server settings that override our own, such as `{"fsync": "off"}` for tests.
        """
        self.state = StateDir(state_dir)
        self.postgres = Postgres(self.state, postgres_options)
        self.valkey = Valkey(self.state)
        self.simulator = Simulator(self.state, plan, now)

    @property
    def services(self) -> tuple[EmbeddedService, ...]:
        """All servers in the order of starting; the slowest first."""
        return (self.simulator, self.valkey, self.postgres)

    def up(self, *, simulator: bool = True) -> ServiceAddresses:
        """Start the servers that do not run, wait until all answer, and return their addresses.

        Idempotent; safe from several processes at once and after any of them, or any server, was killed.

        Raises:
            ServiceUnavailableError: a server does not start; with the end of its log.
        """
        self.start({"postgres", "valkey"} | ({"simulator"} if simulator else set()))
        return self.addresses(simulator=simulator)

    def start(self, names: Collection[str]) -> None:
        """Start the named servers (postgres, valkey, simulator) that do not run, and wait until they answer.

        Raises:
            ServiceUnavailableError: a server does not start; with the end of its log.
        """
        wanted = [service for service in self.services if service.name in names]
        if all(service.is_up() for service in wanted):
            return
        with self.state.lock():
            try:
                for service in wanted:
                    service.launch()
                for service in wanted:
                    service.wait_until_ready()
            except OSError as error:
                words = machine_words(error) or str(error)
                raise ServiceUnavailableError(f"the services of {self.state.path} cannot be started: {words}") from None
            finally:
                for service in wanted:
                    service.let_go()

    def addresses(self, *, simulator: bool = True) -> ServiceAddresses:
        """The servers' addresses, whether they run or not.

        Raises:
            ServiceUnavailableError: they were never started, so they have no ports yet.
        """
        warehouse, storage = self.postgres.url(WAREHOUSE), self.postgres.url(DAGSTER_STORAGE)
        redis = self.valkey.url()
        vendor = self.simulator.url() if simulator else None
        if warehouse is None or storage is None or redis is None or (simulator and vendor is None):
            raise ServiceUnavailableError(f"the services of {self.state.path} were never started")
        embedded = {"database_url", "dagster_storage_url", "redis_url"} | ({"simulator_url"} if simulator else set())
        return ServiceAddresses(warehouse, storage, redis, vendor, frozenset(embedded))

    def status(self) -> list[ServiceStatus]:
        """Each server as it is now; starts nothing, and creates nothing."""
        urls = {
            "postgres": self.postgres.url(WAREHOUSE),
            "valkey": self.valkey.url(),
            "simulator": self.simulator.url(),
        }
        return [_embedded_status(service, urls[service.name]) for service in reversed(self.services)]

    def down(self) -> list[str]:
        """Stop the servers that run, PostgreSQL with a fast shutdown. Data, ports and passwords stay.

        Returns:
            The names of those that ran.

        Raises:
            ServiceUnavailableError: one does not stop.
        """
        if not self.state.path.is_dir():
            return []
        with self.state.lock():
            return [service.name for service in self.services if service.stop()]


def resolve_addresses(settings: Settings) -> ServiceAddresses:
    """The addresses of this process's servers: the configured ones, and embedded servers, started, for the rest.

    The address of our own embedded server counts as embedded: a Dagster process that got it from its environment or
    from `.env` starts the server again if necessary.

    Raises:
        ServiceUnavailableError: an embedded server does not start.
    """
    local = _local(settings)
    configured = _configured(settings, local)
    simulated = _is_simulated(settings, local)
    needed = {service for name, service in SERVERS.items() if name not in configured}
    local.start(needed | ({"simulator"} if simulated else set()))
    urls = {**_embedded_urls(local), **configured}
    return ServiceAddresses(
        database_url=urls["database_url"],
        dagster_storage_url=urls["dagster_storage_url"],
        redis_url=urls["redis_url"],
        simulator_url=local.simulator.url() if simulated else None,
        embedded=frozenset(SERVERS.keys() - configured.keys() | ({"simulator_url"} if simulated else set())),
    )


class NotificationAddresses(NamedTuple):
    """The outbox's database, and the Redis that its events go to."""

    database_url: str
    redis_url: str


def notification_addresses(settings: Settings) -> NotificationAddresses:
    """URLs of the warehouse and of Redis, for a process that needs nothing else.

    Where both are configured nothing is started: the dispatcher's container has neither Dagster's storage nor a
    vendor. Otherwise the same as `resolve_addresses`.
    """
    configured = _configured(settings, _local(settings))
    if {"database_url", "redis_url"} <= configured.keys():
        return NotificationAddresses(configured["database_url"], configured["redis_url"])
    addresses = resolve_addresses(settings)
    return NotificationAddresses(addresses.database_url, addresses.redis_url)


def service_statuses(settings: Settings) -> list[ServiceStatus]:
    """Each server that these settings need: embedded, or configured (up: its port accepts a connection)."""
    local = _local(settings)
    configured = _configured(settings, local)
    needed = {service for name, service in SERVERS.items() if name not in configured}
    if _is_simulated(settings, local):
        needed.add("simulator")
    embedded = [status for status in local.status() if status.name in needed]
    return embedded + [_configured_status(name, url) for name, url in configured.items()]


def _local(settings: Settings) -> LocalServices:
    return LocalServices(settings.state_dir, plan=settings.massive_plan, now=settings.now)


def _embedded_urls(local: LocalServices) -> dict[str, str]:
    urls = {
        "database_url": local.postgres.url(WAREHOUSE),
        "dagster_storage_url": local.postgres.url(DAGSTER_STORAGE),
        "redis_url": local.valkey.url(),
    }
    return {name: url for name, url in urls.items() if url is not None}


def _configured(settings: Settings, local: LocalServices) -> dict[str, str]:
    """The configured URLs that are not our own embedded servers'."""
    own = _embedded_urls(local)
    secrets = {name: getattr(settings, name) for name in SERVERS}
    urls = {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
    return {name: url for name, url in urls.items() if url != own.get(name)}


def _is_simulated(settings: Settings, local: LocalServices) -> bool:
    """Whether the vendor is our own simulator: no key and no address, or its own address."""
    if settings.massive_base_url is None:
        return settings.massive_api_key is None
    return settings.massive_base_url == local.simulator.url()


def _embedded_status(service: EmbeddedService, url: str | None) -> ServiceStatus:
    pid = service.pid
    state: Literal["up", "down", "unresponsive"] = "down"
    if pid is not None:
        state = "up" if service.answers() else "unresponsive"
    address = url and without_password(url)
    return ServiceStatus(service.name, "embedded", state, address, pid, str(service.log))


def _configured_status(name: str, url: str) -> ServiceStatus:
    if not is_readable(url):
        return ServiceStatus(name, "configured", "down", without_password(url))
    parts = urlsplit(url)
    port = parts.port or (6379 if parts.scheme.startswith("redis") else 5432)
    try:
        socket.create_connection((parts.hostname or "localhost", port), timeout=2.0).close()
    except OSError:
        return ServiceStatus(name, "configured", "down", without_password(url))
    return ServiceStatus(name, "configured", "up", without_password(url))
