"""Dagster's run coordinator that takes runs from the queue twice a second. `dagster.yaml` names it."""

from dagster._core.run_coordinator import QueuedRunCoordinator

from tickstock_dagster.launching.launcher import WarmRunLauncher

INTERVAL_SECONDS = 0.5
"""Between two looks into the queue: Dagster's configuration accepts whole seconds alone, its daemon waits in steps of
half a second."""


class PromptRunCoordinator(QueuedRunCoordinator):
    """The queue of runs; limits are those of `concurrency:` in `dagster.yaml`."""

    @property
    def dequeue_interval_seconds(self) -> float:  # type: ignore[override]
        """How often the daemon looks. The daemon alone asks, once, as it starts: then the launcher warms up."""
        launcher = self._instance.run_launcher
        if isinstance(launcher, WarmRunLauncher):
            launcher.warm_up()
        return INTERVAL_SECONDS
