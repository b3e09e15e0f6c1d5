"""Addresses of servers as people configure them: what is wrong with one is said before anything is asked or started.

A password in an address is never repeated: what is wrong is said in words, without the address.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address


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


MOST_PORTS = 65_535

_PARTS = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/?#]*@)?(?P<host>\[[0-9a-fA-F:.%]+\]|[^][:/?#@\s]*)(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.ASCII | re.IGNORECASE,
)
_NAME = re.compile(
    r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?", re.ASCII
)
_MAILBOX = re.compile(r"(?:[^<>@,;]*<)?[^\s<>@,;]+@[^\s<>@,;]+>?")


def is_host(text: str) -> bool:
    """Whether a text is an IP address, or can be the name of a host."""
    try:
        ip_address(text)
    except ValueError:
        return bool(_NAME.fullmatch(text)) and not text.rstrip(".").rpartition(".")[2].isdecimal()
    return True


def is_mailbox(text: str) -> bool:
    """Whether a text is one mail address, as a@b.example or Name <a@b.example>."""
    found = _MAILBOX.fullmatch(text.strip())
    return found is not None and ("<" in text) == text.strip().endswith(">")


def address_problem(url: str, kind: ServerKind) -> str | None:
    """What is wrong with an address, and what is accepted, in words; None where nothing is."""
    accepted = f"accepted is {kind.form}"
    scheme, mark, rest = url.partition(":")
    if scheme.lower() not in kind.schemes or not mark:
        return f"it does not begin with {' or '.join(f'{one}://' for one in kind.schemes)}; {accepted}"
    if not rest.startswith("//"):
        return f"it lacks // after its scheme; {accepted}"
    if "@" in re.sub(r"^[^/?#]*|\?[^#]*", "", rest[2:]):
        return "a password with # / ? or @ must be percent-encoded"
    parts = _PARTS.fullmatch(url)
    port = int(parts["port"] or 1) if parts and len(parts["port"] or "") < 6 else None
    if parts is None or port is None or not 1 <= port <= MOST_PORTS:
        return f"its host or port cannot be read; {accepted}, with a port from 1 to {MOST_PORTS:,}"
    socket = kind.bare and (re.search("(?:^|&)host=.", parts["query"] or "") or scheme == "unix")
    if not parts["host"] and not socket:
        return f"it has no host; {accepted}"
    if kind.path is not None and not re.fullmatch(kind.path, parts["path"] or ""):
        return f"it names no database; {accepted}"
    if kind is REDIS and scheme != "unix" and not re.fullmatch(r"/?\d{0,4}", parts["path"] or "", re.ASCII):
        return f"its database is no number; {accepted}"
    return None
