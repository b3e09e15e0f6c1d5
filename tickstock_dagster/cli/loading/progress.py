"""A progress bar over a run's work units. Launching the run belongs in `cli.loading.runs`."""

import threading

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tickstock_dagster.adapters.ledger.progress import run_progress
from tickstock_dagster.cli.workspace import Workspace, console


class RunProgressBar:
    """A bar over the run's work units, read from the ledger twice a second; nothing where stderr is no terminal."""

    def __init__(self, workspace: Workspace, run_id: str, label: str) -> None:
        self._workspace, self._run_id, self._label = workspace, run_id, label
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> None:
        if console.is_terminal:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("vendor calls"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(self._label, total=None)
            while not self._stop.wait(0.5):
                state = run_progress(self._workspace.engine, self._run_id)
                if state.total:
                    bar.update(task, total=state.total, completed=state.ended)
