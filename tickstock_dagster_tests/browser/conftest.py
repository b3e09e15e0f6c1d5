"""A copy of the checkout with services and a Dagster UI of its own, and Chromium to look at it.

`dagster` lets the `.env` of its folder win over its environment: only in a folder of their own do the tests leave the
developer's services alone. They need a Chromium (Debian's package `chromium`) and the Python package `playwright`.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tickstock_dagster.settings import PROJECT_ROOT, Settings
from tickstock_dagster_tests.browser.dagster_ui import DagsterUi

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
COPIED = ("tickstock_dagster", "sql", "dagster.yaml", "workspace.yaml", "pyproject.toml")
STARTS_WITHIN = 120.0
"""Seconds: services, schema, webserver, daemon and code location, on a machine that is busy."""


@dataclass(frozen=True)
class Checkout:
    """A copy of the project and the environment in which its commands run."""

    root: Path
    environment: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        """`tickstock …` of this copy."""
        return [sys.executable, "-c", "from tickstock_dagster.cli import main; main()", *arguments]

    def run(self, *arguments: str) -> None:
        """Run `tickstock …` of this copy to its end, which shall be a good one."""
        subprocess.run(self.command(*arguments), cwd=self.root, env=self.environment, check=True, timeout=120)

    def dotenv(self, name: str) -> str:
        """A variable of the `.env` that was written for `dagster`."""
        lines = (self.root / ".env").read_text(encoding="utf-8").splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith(f"{name}="))


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that the package `playwright` can drive; without either the test is skipped."""
    pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    return executable


@pytest.fixture(scope="module")
def checkout(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:  # noqa: ARG001
    """A fresh checkout in which nothing was started yet; its services are stopped at the end."""
    root = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        source = PROJECT_ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    ours = {str(field.validation_alias) for field in Settings.model_fields.values()}
    environment = {
        k: v for k, v in os.environ.items() if k not in ours and not k.startswith(("DAGSTER_", "TICKSTOCK_"))
    }
    copy = Checkout(root, {**environment, "PYTHONPATH": str(root)})
    yield copy
    copy.run("services", "down")


@pytest.fixture(scope="module")
def base_url(checkout: Checkout) -> Iterator[str]:
    """Address of the UI that `tickstock dev` opens in the copy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = checkout.root / "dev.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            checkout.command("dev", "--port", str(port)),
            cwd=checkout.root,
            env=checkout.environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process, log)
        yield url
    finally:
        _stop(process)


@pytest.fixture(scope="module")
def ui(chromium: str, base_url: str, checkout: Checkout) -> Iterator[DagsterUi]:
    """The UI in Chromium. What was last seen of it stays in `last_page.png` beside the log."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        # An invitation to a newsletter covers the page on the first visit; where it comes late, a dialog covers it.
        page.add_locator_handler(page.get_by_role("button", name="Skip"), lambda button: button.dispatch_event("click"))
        yield DagsterUi(page, base_url)
        page.screenshot(path=checkout.root / "last_page.png")
        browser.close()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=5):  # noqa: S310  # our own server
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.5)
    pytest.fail(f"the UI did not come up:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask `dagster dev` to end its servers; what is left of its session after that is killed."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
