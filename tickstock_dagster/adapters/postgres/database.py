"""Connections to PostgreSQL: one engine per URL and role, readable errors, no secrets in them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from typing import Any

import psycopg
import sqlalchemy as sa

from tickstock_dagster.adapters.postgres.lock_watch import Connect, watching
from tickstock_dagster.adapters.postgres.pings import ask_seldom
from tickstock_dagster.adapters.postgres.refusals import in_words, reason
from tickstock_dagster.adapters.postgres.sql_files import statement
from tickstock_dagster.adapters.postgres.timeouts import AS_OWNER, AT_WORK
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


def name_sessions(name: str) -> None:
    """What the server shows from now on as the program of this process's sessions, such as `tickstock load`."""
    _program[0] = name


def session_name() -> str:
    """The program of this process's sessions."""
    return _program[0]


_program = ["tickstock"]


def _new_engine(database_url: str, role: str | None) -> sa.Engine:
    engine = sa.create_engine(
        sqlalchemy_url(database_url),
        connect_args=connection_options(role),
        pool_size=4,
        max_overflow=8,
        pool_pre_ping=True,
    )
    ask_seldom(engine)

    @sa.event.listens_for(engine, "do_connect")
    def _name(_dialect: object, record: Any, _arguments: object, parameters: dict[str, Any]) -> None:
        parameters["application_name"] = record.info["program"] = session_name()

    @sa.event.listens_for(engine, "checkout")
    def _rename(driver: psycopg.Connection, record: Any, _proxy: object) -> None:
        if record.info.get("program") != session_name():
            driver.execute(statement("postgres/name_session"), {"program": session_name()})
            driver.commit()
            record.info["program"] = session_name()

    return engine


def connection_options(role: str | None) -> dict[str, Any]:
    """What every connection of ours sets, as arguments of the driver; `role` as for `open_engine`."""
    # The time zone is fixed so that a date never depends on a server's setting; JIT costs more than it saves here.
    timeouts = AT_WORK if role else AS_OWNER
    options = f"-c timezone=UTC -c jit=off {timeouts.options()}" + (f" -c role={role}" if role else "")
    return {"options": options, "connect_timeout": 10, "application_name": session_name()}


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[psycopg.Connection]:
    """One transaction on the driver's own connection (COPY needs it): committed at the end, else rolled back.

    Raises:
        ServiceUnavailableError: as for `connected`.
    """
    with connected(engine) as connection, connection.begin():
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101  # the dialect is fixed above
        yield driver


@contextmanager
def connected(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A pooled connection. What the server refuses while it is used comes in words.

    Raises:
        ServiceUnavailableError: the server cannot be reached, the connection was lost, or the server refuses for its
            own reasons (`adapters.postgres.refusals`): read-only, full, a lock that is never free, …; names host, port
            and database, what is wrong and what to do, and who holds the lock.
    """
    try:
        connection = engine.connect()
    except sa.exc.DBAPIError as error:
        where, why = address(engine), reason(error)
        if "role" in why and "does not exist" in why:
            raise ServiceUnavailableError(f"database {where} has no schema yet: run `tickstock migrate`") from None
        if told := in_words(where, error, made=False):
            raise told from None
        raise
    with ExitStack() as stack:
        stack.enter_context(connection)
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101  # the dialect is fixed above
        watched = stack.enter_context(watching(driver.info.backend_pid, _onlooker(engine.url)))
        try:
            yield connection
        except (psycopg.Error, sa.exc.DBAPIError) as error:
            broken = isinstance(error, psycopg.OperationalError | sa.exc.OperationalError) and driver.closed
            told = in_words(address(engine), error, holders=watched.holders)
            if told is None or not (broken or told.sqlstate):
                raise
            raise told from None


@lru_cache
def _onlooker(url: sa.URL) -> Connect:
    """Opens a session with the login's own rights, which may show more of other sessions than the writer's."""
    text = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return partial(psycopg.connect, text, autocommit=True, **connection_options(None))


def address(of: sa.Engine | sa.URL) -> str:
    """host:port/database, for messages: no user, no password."""
    url = of if isinstance(of, sa.URL) else of.url
    return f"{url.host or 'localhost'}:{url.port or 5432}/{url.database}"
