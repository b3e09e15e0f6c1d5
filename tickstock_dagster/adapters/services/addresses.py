"""The addresses of a process's servers. Starting the servers belongs to `adapters.services.local`."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True)
class ServiceAddresses:
    """URLs with logins, embedded or configured. Its repr shows none of them.

    Attributes:
        database_url: the warehouse, `postgresql://user:password@host:port/database`.
        dagster_storage_url: Dagster's own storage, likewise.
        redis_url: Redis or Valkey, `redis://:password@host:port/number`.
        simulator_url: the local vendor, `http://127.0.0.1:port`; None where another vendor is configured.
        embedded: which of the fields above are this checkout's own servers.
    """

    database_url: str = field(repr=False)
    dagster_storage_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    simulator_url: str | None = None
    embedded: frozenset[str] = frozenset()


UNREADABLE = "not a URL: a password with # / ? or @ must be percent-encoded"
"""Shown instead of an address that cannot be taken apart: any part of it may belong to its password."""


def is_readable(url: str) -> bool:
    """Whether a URL has a scheme, a host and a port that is a number, and no login after its host."""
    try:
        parts = urlsplit(url)
        readable = bool(parts.scheme and parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        return False
    return readable and "@" not in parts.path + parts.fragment


def without_password(url: str) -> str:
    """`url` with `***` in place of its password, and without its query, where libpq takes passwords too.

    `UNREADABLE` where it cannot be taken apart.
    """
    if not is_readable(url):
        return UNREADABLE
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    return urlunsplit((parts.scheme, f"{user}{colon}{'***' if colon else ''}{at}{host}", parts.path, "", ""))
