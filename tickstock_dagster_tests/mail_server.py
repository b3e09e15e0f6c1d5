"""A real SMTP server on this machine, with its own certificate, for every test that sends a mail."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

USER = "factory"
PASSWORD = "hidden-word"


class Inbox:
    """What the server was given, by envelope."""

    def __init__(self, refused_subject: str | None = None) -> None:
        """Mails with `refused_subject` in their subject are refused, and those to refused@example.org."""
        self.refused_subject = refused_subject
        self.mails: list[tuple[list[str], EmailMessage, bool]] = []

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # the server's name
        if "refused@example.org" in envelope.rcpt_tos:
            return "554 not wanted"
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        if self.refused_subject and self.refused_subject in message["Subject"]:
            return "554 not wanted"
        encrypted = server.transport.get_extra_info("ssl_object") is not None
        self.mails.append((envelope.rcpt_tos, message, encrypted))
        return "250 OK"


class Server(Controller):
    """On a free port. It calls itself once to be ready, over TLS without looking at the certificate."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        with socket.create_connection(("localhost", self.port), 5.0) as plain:
            if self.ssl_context is None:
                plain.recv(1024)
                return
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            with trusting.wrap_socket(plain) as encrypted:
                encrypted.recv(1024)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, of its own authority, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate, and is not there")
    files = folder / "localhost.pem", folder / "localhost.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    return files


@contextmanager
def smtp_server(
    inbox: Inbox, certificate: tuple[Path, Path], security: str = "starttls", *, login: bool = True, port: int = 0
) -> Iterator[int]:
    """A server that encrypts as asked for and, with `login`, wants `USER` and `PASSWORD`; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)

    options: dict[str, Any] = {"hostname": "localhost", "port": port, "decode_data": False}
    if security == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if security == "tls":
        options |= {"ssl_context": context}
    if login:
        options |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": security == "starttls"}
    server = Server(inbox, **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def smtp_environment(port: int, certificate: tuple[Path, Path]) -> dict[str, str]:
    """The variables of somebody who uses that server over STARTTLS."""
    return {
        "TICKSTOCK_SMTP_HOST": "localhost",
        "TICKSTOCK_SMTP_PORT": str(port),
        "TICKSTOCK_SMTP_USER": USER,
        "TICKSTOCK_SMTP_PASSWORD": PASSWORD,
        "TICKSTOCK_SMTP_CA_FILE": str(certificate[0]),
        "TICKSTOCK_MAIL_FROM": "factory@example.org",
        "TICKSTOCK_MAIL_TO": "a@example.org",
    }
