"""Mail to the administrators over SMTP. The texts are in `core.operations.mails`.

A mail is a courtesy: a failure to send it is logged and returned, and never stops the work that it reports.
"""

import logging
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Self

from tickstock_dagster.core.operations.mails import Mail
from tickstock_dagster.settings import Settings

logger = logging.getLogger(__name__)

_SECONDS = 15.0  # timeout of each answer of the server


@dataclass(frozen=True, slots=True)
class MailReport:
    """Whether the server accepted a mail, and why not: one line, without any secret."""

    sent: bool
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class Mailer:
    """A mail server and the receivers. Cheap to make; each mail uses a connection of its own.

    Attributes:
        host: the server; None: no mail is sent.
        port: its port.
        security: starttls, tls or none. The certificate is checked against the host's name.
        sender: address of the sender.
        receivers: addresses; empty: no mail is sent.
        user: login; None: no login.
        password: its password.
        ca_file: certificates to trust, PEM; None: the system's.
    """

    host: str | None
    port: int
    security: str
    sender: str
    receivers: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The mailer that the environment describes."""
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.mail_from,
            tuple(part.strip() for part in settings.mail_to.split(",") if part.strip()),
            settings.smtp_user,
            settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
        )

    @property
    def lacks(self) -> str | None:
        """The setting without which no mail can be sent, in words; None where none is missing."""
        if self.host is None:
            return "no SMTP server is configured (TICKSTOCK_SMTP_HOST)"
        return None if self.receivers else "no receiver of mails is configured (TICKSTOCK_MAIL_TO)"

    @property
    def wrong(self) -> str | None:
        """The setting with which no mail can be sent, in words; None where all are usable."""
        if self.ca_file is not None and not _is_file(self.ca_file):
            return f"TICKSTOCK_SMTP_CA_FILE {self.ca_file!r} is not accepted: a file of certificates (PEM) that exists"
        if self.security == "none" and (self.user or self.password):
            return "TICKSTOCK_SMTP_SECURITY=none would send the password in the clear: use starttls or tls"
        return None

    def send(self, mail: Mail, *, mail_id: str | None = None) -> MailReport:
        """Send one mail. Failures of the server, the network or a setting raise nothing; the report has them.

        Args:
            mail: subject and body.
            mail_id: the same for the same mail, so that receivers can drop a duplicate; None: a new one.
        """
        if self.host is None or self.lacks:
            return MailReport(sent=False, why_not=self.lacks)
        try:
            self._send(self.host, self._message(mail, mail_id))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            why = self._words(error)
            logger.warning("the mail %r was not sent: %s", mail.subject, why)
            return MailReport(sent=False, why_not=why)
        return MailReport(sent=True)

    def _message(self, mail: Mail, mail_id: str | None) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self.sender
        message["To"] = ", ".join(self.receivers)
        message["Subject"] = mail.subject
        message["Date"] = formatdate(localtime=False)
        domain = self.sender.rpartition("@")[2] or None
        message["Message-ID"] = f"<{mail_id}@{domain or 'localhost'}>" if mail_id else make_msgid(domain=domain)
        message["Auto-Submitted"] = "auto-generated"  # no holiday replies to a machine
        message.set_content(mail.body)
        return message

    def _send(self, host: str, message: EmailMessage) -> None:
        if self.security == "none":
            if self.user or self.password:
                raise ValueError(
                    "TICKSTOCK_SMTP_SECURITY=none would send the password in the clear: use starttls or tls"
                )
            with smtplib.SMTP(host, self.port, timeout=_SECONDS) as server:
                self._deliver(server, message)
            return
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.security == "tls":
            with smtplib.SMTP_SSL(host, self.port, timeout=_SECONDS, context=context) as server:
                self._deliver(server, message)
            return
        with smtplib.SMTP(host, self.port, timeout=_SECONDS) as server:
            server.starttls(context=context)  # raises where the server has none: nothing goes out in the clear
            self._deliver(server, message)

    def _deliver(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        if self.user:
            server.login(self.user, self.password or "")
        refused = server.send_message(message)
        if refused:  # for some receivers; for all of them it would have raised
            logger.warning("the mail %r was refused for %s", message["Subject"], ", ".join(sorted(refused)))

    def _words(self, error: Exception) -> str:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return f"{self.host}:{self.port} does not accept the login ({error.smtp_code})"  # servers may echo it
        text = " ".join(str(error).split()) or type(error).__name__
        if self.password:
            text = text.replace(self.password, "***")
        return f"{self.host}:{self.port}: {text}"[:300]


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError:
        return False
