"""Mail against a real SMTP server on this machine, with its own certificate: over TLS, with a login, and refused."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tickstock_dagster.adapters.operations.mail import Mailer, MailReport
from tickstock_dagster.core.operations.mails import Mail
from tickstock_dagster.settings import load_settings
from tickstock_dagster_tests.mail_server import PASSWORD, Inbox, make_certificate, smtp_server

# Over TLS from the first byte the server does not see that a login is encrypted, and warns.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")

MAIL = Mail("[TickStock] XNYS closes early on 2026-11-27 – 13:00", "At 13:00 EST.\n.\nA line with a dot.\n")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost, of its own authority, and its key."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def serve(inbox: Inbox, certificate: tuple[Path, Path]) -> Iterator[Callable[..., Mailer]]:
    """Start a server as asked for; returns a mailer for it."""
    with ExitStack() as running:

        def start(security: str, *, login: bool = False, receivers: str = "a@example.org, b@example.org") -> Mailer:
            port = running.enter_context(smtp_server(inbox, certificate, security, login=login))
            user = {"user": "factory", "password": PASSWORD} if login else {}
            addresses = tuple(part.strip() for part in receivers.split(","))
            return Mailer(
                "localhost", port, security, "factory@example.org", addresses, ca_file=str(certificate[0]), **user
            )

        yield start


@pytest.mark.parametrize(("security", "login"), [("starttls", True), ("tls", True), ("starttls", False)])
def test_a_mail_arrives_encrypted_and_as_it_was_written(
    serve: Callable[..., Mailer], inbox: Inbox, security: str, login: bool
) -> None:
    assert serve(security, login=login).send(MAIL) == MailReport(sent=True)
    ((receivers, message, encrypted),) = inbox.mails
    assert (receivers, encrypted) == (["a@example.org", "b@example.org"], True)
    assert message["Subject"] == MAIL.subject
    assert message["From"] == "factory@example.org"
    assert message["To"] == "a@example.org, b@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"]
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == MAIL.body


def test_without_encryption_a_mail_is_sent_only_without_a_password(
    serve: Callable[..., Mailer], inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    mailer = serve("none")
    assert mailer.send(MAIL).sent
    assert not inbox.mails[0][2]
    careless = Mailer("localhost", mailer.port, "none", "f@example.org", ("a@example.org",), "factory", PASSWORD)
    report = careless.send(MAIL)
    assert not report.sent
    assert "in the clear" in str(report.why_not)
    assert len(inbox.mails) == 1
    assert PASSWORD not in caplog.text + repr(careless)


def test_a_wrong_password_is_told_without_the_password(
    serve: Callable[..., Mailer], inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    right = serve("starttls", login=True)
    wrong = Mailer(
        "localhost", right.port, "starttls", right.sender, right.receivers, "factory", "another-word", right.ca_file
    )
    report = wrong.send(MAIL)
    assert not report.sent
    assert "does not accept the login (535)" in str(report.why_not)
    assert "another-word" not in caplog.text + str(report)
    assert inbox.mails == []


def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(serve: Callable[..., Mailer], inbox: Inbox) -> None:
    for security in ("starttls", "tls"):
        known = serve(security)
        report = Mailer("localhost", known.port, security, known.sender, known.receivers).send(MAIL)
        assert not report.sent
        assert "certificate" in str(report.why_not).lower()
    assert inbox.mails == []


def test_a_server_without_starttls_gets_nothing(serve: Callable[..., Mailer], inbox: Inbox) -> None:
    plain = serve("none")
    report = Mailer("localhost", plain.port, "starttls", plain.sender, plain.receivers).send(MAIL)
    assert not report.sent
    assert "STARTTLS" in str(report.why_not)
    assert inbox.mails == []


def test_a_server_that_is_away_or_refuses_stops_nothing(
    serve: Callable[..., Mailer], inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    away = Mailer("localhost", 1, "starttls", "f@example.org", ("a@example.org",)).send(MAIL)
    assert not away.sent
    assert "refused" in str(away.why_not)
    assert "closes early on 2026-11-27" in caplog.text
    refused = serve("starttls", receivers="refused@example.org").send(MAIL)
    assert not refused.sent
    assert "not wanted" in str(refused.why_not)
    assert not Mailer("no such host", 25, "none", "f@example.org", ("a@example.org",)).send(MAIL).sent
    assert not Mailer("localhost", 1, "none", "f@example.org", ("a@example.org\nBcc: x@example.org",)).send(MAIL).sent
    assert inbox.mails == []


def test_without_a_server_or_a_receiver_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Mailer.of(load_settings()).send(MAIL).why_not == "no SMTP server is configured (TICKSTOCK_SMTP_HOST)"
    monkeypatch.setenv("TICKSTOCK_SMTP_HOST", "localhost")
    load_settings.cache_clear()
    assert Mailer.of(load_settings()).send(MAIL).why_not == "no receiver of mails is configured (TICKSTOCK_MAIL_TO)"


def test_the_environment_describes_the_mailer(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SMTP_HOST": "mail.example.org",
        "SMTP_PORT": "465",
        "SMTP_SECURITY": "tls",
        "SMTP_USER": "factory",
        "SMTP_PASSWORD": PASSWORD,
        "MAIL_FROM": "factory@example.org",
        "MAIL_TO": "a@example.org, b@example.org",
    }.items():
        monkeypatch.setenv(f"TICKSTOCK_{name}", value)
    load_settings.cache_clear()
    mailer = Mailer.of(load_settings())
    assert mailer == Mailer(
        "mail.example.org", 465, "tls", "factory@example.org", ("a@example.org", "b@example.org"), "factory", PASSWORD
    )
    assert PASSWORD not in repr(mailer) + repr(load_settings())
