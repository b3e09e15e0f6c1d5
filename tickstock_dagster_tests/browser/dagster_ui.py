"""The Dagster UI as a person uses it: dialogs are clicked; GraphQL only tells how a launched thing ended."""

import json
import os
import time
import urllib.request
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PAGE_WITHIN = 60_000
"""Milliseconds for a page or dialog to show what it shall, on a machine that is busy."""

BACKFILL_WITHIN = 180.0
"""Seconds. Dagster's backfill daemon looks every 30 s: once to launch the runs, once more to call them done."""

_BACKFILL = """query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill {
  status numPartitions runs(limit: 50) { runId status } } } }"""
_TICKS = """query($selector: SensorSelector!) { sensorOrError(sensorSelector: $selector) { ... on Sensor {
  sensorState { ticks(limit: 1) { status skipReason runIds error { message } } } } } }"""


class DagsterUi:
    """One browser page on one webserver."""

    def __init__(self, page: "Page", base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        page.set_default_timeout(PAGE_WITHIN)

    def open_materialise_dialog(self, asset: str) -> "Locator":
        """Press Materialize on an asset's page; the dialog, once it knows the partitions."""
        self.page.goto(f"{self.base_url}/assets/{asset}")
        self.page.get_by_role("button", name="Materialize").first.click()
        dialog = self.page.get_by_role("dialog").filter(has_text="Launch runs to materialize")
        # "Are you sure?", as long as an upstream asset has never been materialised.
        confirm = self.page.get_by_role("button", name="Confirm")
        self._sessions_of(dialog).or_(confirm).first.wait_for()
        if confirm.is_visible():
            confirm.click()
            self._sessions_of(dialog).wait_for()
        return dialog

    def choose_sessions(self, dialog: "Locator", first: date, last: date) -> None:
        """Type a range of sessions."""
        self._sessions_of(dialog).fill(f"[{first}...{last}]")
        self._sessions_of(dialog).press("Enter")

    def choose_tickers(self, dialog: "Locator", tickers: Sequence[str]) -> None:
        """Tick tickers in the list of keys, and no other."""
        dialog.get_by_text("Select a partition or create one").click()
        for ticker in tickers:
            self.page.get_by_role("menuitem", name=ticker).click()
        self.page.keyboard.press("Escape")

    def launch(self, dialog: "Locator", partitions: int) -> str:
        """Press Launch when the dialog counts so many partitions; id of the backfill, from the page that says so."""
        dialog.get_by_text(f"{partitions} partitions", exact=True).wait_for()
        dialog.get_by_role("button", name="Launch backfill").click()
        self.page.get_by_text("Created backfill").first.wait_for()
        self.page.get_by_text("View", exact=True).last.click()
        self.page.wait_for_url("**/runs/b/*")
        return self.page.url.partition("/runs/b/")[2].partition("?")[0]

    def wait_until_green(self, backfill: str) -> dict[str, Any]:
        """Wait until the backfill has ended well, and its page says so.

        Returns:
            GraphQL's `PartitionBackfill`: status, numPartitions, runs with runId and status.
        """
        give_up = time.monotonic() + BACKFILL_WITHIN
        state: dict[str, Any] = {}
        while time.monotonic() < give_up:
            state = self.ask(_BACKFILL, id=backfill)["partitionBackfillOrError"]
            if state["status"].startswith("COMPLETED"):
                break
            time.sleep(0.5)
        if state["status"] != "COMPLETED_SUCCESS":
            pytest.fail(f"the backfill is {state}")
        self.page.goto(f"{self.base_url}/runs/b/{backfill}")
        self.page.get_by_text("100% completed").wait_for()
        if folder := os.environ.get("TICKSTOCK_SCREENSHOTS"):  # for people who want to look, too
            self.page.screenshot(path=f"{folder}/backfill_{state['numPartitions']}.png")
        return state

    def switch_on(self, sensor: str) -> None:
        """Turn a sensor on, on its own page."""
        self.page.goto(f"{self.base_url}/locations/tickstock_dagster/sensors/{sensor}")
        self.page.locator("label", has=self.page.locator("input[type=checkbox]")).first.click()

    def latest_tick(self, sensor: str) -> dict[str, Any]:
        """Wait until a sensor has ticked; its latest tick: status, skipReason, runIds, error."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "tickstock_dagster",
            "sensorName": sensor,
        }
        give_up = time.monotonic() + BACKFILL_WITHIN
        while time.monotonic() < give_up:
            ticks = self.ask(_TICKS, selector=selector)["sensorOrError"]["sensorState"]["ticks"]
            if ticks and ticks[0]["status"] != "STARTED":
                return dict(ticks[0])
            time.sleep(0.5)
        pytest.fail(f"{sensor} has not ticked")

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """One GraphQL query; its data."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(  # noqa: S310  # our own server
            f"{self.base_url}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            data: dict[str, Any] = json.load(answer)["data"]
        return data

    def _sessions_of(self, dialog: "Locator") -> "Locator":
        return dialog.locator("input[type=text]").first
