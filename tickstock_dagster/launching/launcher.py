"""Dagster's run launcher that starts a run as a fork of a warm process. `dagster.yaml` names it."""

import logging
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any, Self

from dagster import DefaultRunLauncher
from dagster import _check as check
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._serdes import ConfigurableClassData, deserialize_value, serialize_value
from dagster_shared.error import SerializableErrorInfo

from tickstock_dagster.launching.warm_process import NotWarmError, WarmProcess, WorkerId

WORKER_TAG = ".dagster/tickstock_worker"
"""Hidden in the UI, as its own `.dagster/grpc_info` is."""

log = logging.getLogger("dagster.launcher")


class WarmRunLauncher(DefaultRunLauncher):
    """Starts a run in a process of its own, forked from one that has the code location loaded.

    Where there is none yet, where it has ended or where code has changed on disk since, the run starts as
    `DefaultRunLauncher` does it, a line in the log says why, and a new warm process is started for the next one.
    """

    def __init__(self, module: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._module = module
        self._warm: WarmProcess | None = None
        self._former: list[WarmProcess] = []
        self._lock = threading.Lock()

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Configuration: the code location's module, whose `defs` are loaded."""
        return {"module": str}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """The launcher of an instance."""
        return cls(config_value["module"], inst_data)

    def warm_up(self) -> None:
        """Start the warm process, unless a current one is there. Returns at once; it takes seconds to load."""
        with self._lock:
            self._former = [former for former in self._former if not former.has_ended]
            if self._warm and not self._warm.has_ended and self._warm.is_current:
                return
            self._put_away()
            self._warm = WarmProcess(self._module)

    def _put_away(self) -> None:
        """Let the warm process end after its last run; remember it until it has, so that it is collected."""
        if self._warm:
            self._warm.close()
            self._former.append(self._warm)
            self._warm = None

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a run, warm where that is possible."""
        run = context.dagster_run
        if not self._is_ours(context):
            super().launch_run(context)
            return
        try:
            self._launch_warm(run)
        except NotWarmError as error:
            log.info("Run %s starts in a process that loads the code first: %s", run.run_id, error)
            super().launch_run(context)
            self.warm_up()

    def _launch_warm(self, run: DagsterRun) -> None:
        from dagster._grpc.types import ExecuteExternalJobArgs

        arguments = ExecuteExternalJobArgs(
            job_origin=check.not_none(run.remote_job_origin), run_id=run.run_id, instance_ref=self._instance.get_ref()
        )
        job = serialize_value(check.not_none(run.job_code_origin))
        told: list[WorkerId] = []

        def tell(worker: WorkerId) -> None:
            self._instance.add_run_tags(run.run_id, {WORKER_TAG: str(worker)})
            told.append(worker)

        with self._lock:
            why = self._warm.trouble() if self._warm else "there is no warm process yet"
            if why or not self._warm:
                raise NotWarmError(why)
            try:
                error = self._warm.start_worker(job, serialize_value(arguments), tell)
            except NotWarmError:
                if told:
                    self._instance.add_run_tags(run.run_id, {WORKER_TAG: ""})
                raise
        if error:
            info = deserialize_value(error, SerializableErrorInfo)
            raise DagsterLaunchFailedError(info.message, serializable_error_info=info)  # type: ignore[no-untyped-call]
        self._run_ids.add(run.run_id)

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run's process; it ends as cancelled. False where there is none."""
        run = self._instance.get_run_by_id(run_id) if self.has_instance else None
        worker = WorkerId.read(run.tags.get(WORKER_TAG)) if run and not run.is_finished else None
        if not run or not worker:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        self._instance.report_run_canceling(run)
        process = worker.process()
        if process is None:
            where = "has ended" if worker.is_here else f"is on {worker.host}, and cannot be reached from here"
            self._instance.report_engine_event(f"The run's process {worker.pid} {where}.", run, cls=self.__class__)
            return False
        process.send_signal(signal.SIGINT)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether `check_run_worker_health` says something: of warm runs, it does."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a run's process lives. Only what is known to have ended is reported as such."""
        worker = WorkerId.read(run.tags.get(WORKER_TAG))
        if worker is None or not worker.is_here or worker.process():
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"the run's process {worker.pid} has ended")

    def dispose(self) -> None:
        """Let the warm process end, after the runs that it has started."""
        with self._lock:
            self._put_away()

    def _is_ours(self, context: LaunchRunContext) -> bool:
        """Whether the run is of our code location, on this machine and with this interpreter."""
        origin: Any = context.job_code_origin
        if not origin or not context.workspace or not context.dagster_run.remote_job_origin:
            return False
        repository = origin.repository_origin
        pointer = repository.code_pointer
        if repository.executable_path != sys.executable or not isinstance(pointer, ModuleCodePointer):
            return False
        location = context.workspace.get_code_location(context.dagster_run.remote_job_origin.location_name)
        client: Any = getattr(location, "client", None)
        return pointer.module == self._module and bool(getattr(client, "socket", None))
