"""A desk for whoever follows a document: the office of the command line, and a mail server."""

from collections.abc import Iterator

import pytest

from tickstock_dagster_tests.cli.conftest import cli_storage, cli_storage_url, cli_vendor, office  # noqa: F401 - fixtures
from tickstock_dagster_tests.mail_server import Inbox, Server


@pytest.fixture
def mail_settings() -> Iterator[dict[str, str]]:
    """A mail server that takes everything, and the variables that name it."""
    running = Server(Inbox(), hostname="localhost", port=0)
    running.start()
    try:
        yield {
            "TICKSTOCK_SMTP_HOST": "localhost",
            "TICKSTOCK_SMTP_PORT": str(running.port),
            "TICKSTOCK_SMTP_SECURITY": "none",
            "TICKSTOCK_MAIL_TO": "operator@example.org",
        }
    finally:
        running.stop()
