"""What the warm process has loaded before it forks, and its workers need not load again: modules and definitions."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.reconstruct import (
    ReconstructableJob,
    ReconstructableRepository,
    initialize_repository_def_from_pointer,
)
from dagster._core.definitions.repository_definition import RepositoryDefinition, RepositoryLoadData
from dagster._core.origin import JobPythonOrigin
from dagster._core.workspace.autodiscovery import loadable_targets_from_loaded_module
from dagster._utils.hosted_user_process import recon_job_from_origin

ALSO = (
    "dagster._cli.api",
    "dagster._core.execution.plan.active",
    "dagster._core.execution.plan.execute_plan",
    "dagster._core.executor.in_process",
    "dagster._core.instance.factory",
    "dagster._core.storage.legacy_storage",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._grpc.impl",
    "dagster_postgres",
    "encodings.idna",
    "massive",
    "multiprocessing.synchronize",
    "numpy.ma",
    "PIL.ImageDraw",
    "PIL.ImageFont",
    "psycopg2.extras",
    "redis",
    "tickstock_dagster.adapters.events.outbox_drain",
    "tickstock_dagster.adapters.sources.massive.source",
    "tickstock_dagster.event_log",
    "tickstock_dagster.launching.coordinator",
    "upath.implementations.local",
)
"""What a run would import later."""


@dataclass(frozen=True)
class LoadedCode:
    """A module's definitions, as Dagster's code server finds them.

    Attributes:
        module: of the code location.
        repositories: the definitions by the name in the module under which Dagster asks for them.
    """

    module: str
    repositories: dict[str, RepositoryDefinition]

    @classmethod
    def of(cls, module: str) -> Self:
        """Import what a run needs, and load the module's definitions."""
        for name in ALSO:
            importlib.import_module(name)
        repositories = {}
        for target in loadable_targets_from_loaded_module(importlib.import_module(module)):
            pointer = ModuleCodePointer(module, target.attribute, None)
            repositories[target.attribute] = initialize_repository_def_from_pointer(pointer)
            repositories[target.attribute].load_all_definitions()
        return cls(module, repositories)

    def job(self, origin: JobPythonOrigin) -> ReconstructableJob:
        """A job of these definitions; of others, it is loaded when it is executed."""
        job = recon_job_from_origin(origin)
        pointer = job.repository.pointer
        if not isinstance(pointer, ModuleCodePointer) or pointer.module != self.module:
            return job
        loaded = self.repositories.get(pointer.fn_name)
        return job._replace(repository=_LoadedRepository(*job.repository).found(loaded)) if loaded else job


class _LoadedRepository(ReconstructableRepository):
    """A repository that need not be loaded, unless a run was planned with other findings of its loading."""

    loaded: RepositoryDefinition

    def found(self, loaded: RepositoryDefinition) -> Self:
        """The same with its definitions."""
        self.loaded = loaded
        return self

    def with_repository_load_data(self, metadata: RepositoryLoadData | None) -> Self:
        """The same for a run that was planned with these findings."""
        return self._replace(repository_load_data=metadata).found(self.loaded)

    def get_definition(self) -> RepositoryDefinition:
        """The definitions."""
        if self.repository_load_data in (None, self.loaded.repository_load_data):
            return self.loaded
        return super().get_definition()


def computing_threads() -> list[str]:
    """Names of polars' threads for computing, which a fork would wait for and not have; importing polars starts none.

    Empty where the system does not say (outside of Linux).
    """
    names = [path.read_text(encoding="utf-8").strip() for path in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if name.removeprefix("polars-").isdigit()]
