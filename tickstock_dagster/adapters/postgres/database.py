"""Connections to PostgreSQL: one engine per URL and role, readable errors, no secrets in them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.core.errors import ConfigurationError, ServiceUnavailableError

WRITER_ROLE = "tickstock_writer"
APP_ROLE = "tickstock_app"


def sqlalchemy_url(database_url: str) -> sa.URL:
    """`postgresql://…` as a SQLAlchemy URL on psycopg 3.

    Raises:
        ConfigurationError: it is not a PostgreSQL URL; the error does not repeat the value, which may hold a password.
    """
    try:
        url = sa.make_url(database_url)
    except sa.exc.ArgumentError:
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "postgres") or not url.database:
        raise ConfigurationError("the database URL is not accepted: accepted is postgresql://user:password@host/name")
    return url.set(drivername="postgresql+psycopg")


_engines: dict[tuple[str, str | None], sa.Engine] = {}
_closers: list[Callable[[], None]] = []


def open_engine(database_url: str, role: str | None = WRITER_ROLE) -> sa.Engine:
    """This process's engine for a URL and a role.

    Every connection runs as `role`, so that the factory has the writer's rights and no more, whatever login the URL
    names. `role` None keeps the login's own rights: for migrations only.
    """
    key = (database_url, role)
    if key not in _engines:
        _engines[key] = _new_engine(database_url, role)
    return _engines[key]


def close_engines() -> None:
    """Close every pooled connection of this process; `open_engine` makes new engines afterwards."""
    while _engines:
        _engines.popitem()[1].dispose()
    for close in _closers:
        close()


def on_close(close: Callable[[], None]) -> Callable[[], None]:
    """Decorate a function that closes connections kept elsewhere: `close_engines` calls it."""
    _closers.append(close)
    return close


def _new_engine(database_url: str, role: str | None) -> sa.Engine:
    return sa.create_engine(
        sqlalchemy_url(database_url),
        connect_args=connection_options(role),
        pool_size=4,
        max_overflow=8,
        pool_pre_ping=True,
    )


def connection_options(role: str | None) -> dict[str, Any]:
    """What every connection of ours sets, as arguments of the driver; `role` as for `open_engine`."""
    # The time zone is fixed so that a date never depends on a server's setting; JIT costs more than it saves here.
    options = "-c timezone=UTC -c jit=off" + (f" -c role={role}" if role else "")
    return {"options": options, "connect_timeout": 10, "application_name": "tickstock"}


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[psycopg.Connection]:
    """One transaction on the driver's own connection (COPY needs it): committed at the end, else rolled back.

    Raises:
        ServiceUnavailableError: the server cannot be reached or the connection was lost; names host, port and database.
    """
    driver = None
    try:
        with connected(engine) as connection, connection.begin():
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)  # noqa: S101  # the dialect is fixed above
            yield driver
    except (psycopg.OperationalError, sa.exc.OperationalError) as error:
        if driver is None or not driver.closed:
            raise  # such as a deadlock or a lock timeout: the server is up
        raise ServiceUnavailableError(f"database {address(engine)} was lost: {reason(error)}") from None


@contextmanager
def connected(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A pooled connection; a refusal becomes `ServiceUnavailableError` with where, why and what to do."""
    try:
        connection = engine.connect()
    except sa.exc.OperationalError as error:
        where, why = address(engine), reason(error)
        if "role" in why and "does not exist" in why:
            raise ServiceUnavailableError(f"database {where} has no schema yet: run `tickstock migrate`") from None
        raise ServiceUnavailableError(f"database {where} cannot be reached: {why}") from None
    with connection:
        yield connection


def address(engine: sa.Engine) -> str:
    """host:port/database, for messages: no user, no password."""
    return f"{engine.url.host or 'localhost'}:{engine.url.port or 5432}/{engine.url.database}"


def reason(error: BaseException | None) -> str:
    """The line of a driver's error that gives the reason; libpq ends some errors with a question."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    return [line for line in lines if not line.lstrip().startswith("Is the server running")][-1].strip()
