"""Addresses of servers as people configure them: what is wrong with one is said before anything is asked or started.

A password in an address is never repeated: what is wrong is said in words, without the address.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class ServerKind:
    """A kind of server.

    Attributes:
        schemes: accepted ones.
        form: how an address is written, for people.
        path: regular expression of the path; None: any.
        bare: whether the host may be left out, because a query or a path names a socket.
    """

    schemes: tuple[str, ...]
    form: str
    path: str | None = None
    bare: bool = False


POSTGRESQL = ServerKind(
    ("postgresql", "postgres"), "postgresql://user:password@host:port/database", r"/[^/]+", bare=True
)
REDIS = ServerKind(("redis", "rediss", "unix"), "redis://:password@host:port/0", None, bare=True)
WEB = ServerKind(("http", "https"), "https://host or http://host:port")


def address_problem(url: str, kind: ServerKind) -> str | None:
    """What is wrong with an address, and what is accepted, in words; None where nothing is."""
    accepted = f"accepted is {kind.form}"
    unread = f"its host or port cannot be read; {accepted}, with a port from 1 to 65535"
    try:
        parts = urlsplit(url)
    except ValueError:
        return unread
    if "@" in parts.path + parts.fragment:
        return "a password with # / ? or @ must be percent-encoded"
    try:
        port = parts.port
    except ValueError:
        return unread
    if parts.scheme not in kind.schemes:
        return f"it does not begin with {' or '.join(f'{scheme}://' for scheme in kind.schemes)}; {accepted}"
    if not url.startswith(f"{parts.scheme}://"):
        return f"it lacks // after its scheme; {accepted}"
    if port == 0:
        return f"its port is 0; {accepted}, with a port from 1 to 65535"
    socket = kind.bare and ("host" in parse_qs(parts.query) or parts.scheme == "unix")
    if not parts.hostname and not socket:
        return f"it has no host; {accepted}"
    if kind.path is not None and not re.fullmatch(kind.path, parts.path):
        return f"it names no database; {accepted}"
    if kind is REDIS and parts.scheme != "unix" and not re.fullmatch(r"/?\d{0,4}", parts.path, re.ASCII):
        return f"its database is no number; {accepted}"
    return None
