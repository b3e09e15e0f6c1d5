"""A stack of containers as an operator has it: Compose from outside, the webserver's GraphQL, the published ports."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from tickstock_dagster.settings import PROJECT_ROOT

PROJECT = "tickstock-test"
RUN_LABEL = "dagster/run_id"

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
RUN = """
query Run($id: ID!) {
  runOrError(runId: $id) { ... on Run { status tags { key value } } }
}
"""
LOGS = """
query Logs($id: ID!) {
  logsForRun(runId: $id, limit: 1000) { ... on EventConnection { events { ... on MessageEvent { message } } } }
}
"""
CAPTURED = """
query Captured($id: ID!) {
  logsForRun(runId: $id, limit: 1000) { ... on EventConnection { events { ... on LogsCapturedEvent { fileKey } } } }
}
"""
PRINTED = """
query Printed($key: [String!]!) { capturedLogs(logKey: $key) { stderr } }
"""
TERMINATE = """
mutation Terminate($id: String!) {
  terminateRun(runId: $id) { __typename ... on TerminateRunFailure { message } ... on PythonError { message } }
}
"""


def why_not_here() -> str | None:
    """Why the containers cannot be tested on this machine; None if they can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    if subprocess.run(["docker", "info"], capture_output=True).returncode != 0:
        return "no Docker engine answers"
    if not compose_commands():
        return "there is no Compose"
    if docker("network", "ls", "--quiet", "--filter", "name=^tickstock$"):
        return "a stack runs on this engine already, and its network has a fixed name"
    return None


COMPOSE = (("docker", "compose"), ("docker-compose",))
"""Version 2 first, then 1."""


@cache
def compose_commands() -> list[list[str]]:
    """The Compose commands of this machine, in the order of `COMPOSE`."""
    return [
        list(c)
        for c in COMPOSE
        if shutil.which(c[0]) and subprocess.run([*c, "version"], capture_output=True).returncode == 0
    ]


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without anything that configures a stack, and with these variables."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("STACK_", "COMPOSE_"))
    } | variables


def docker(*arguments: str) -> str:
    """What a docker command prints."""
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def wait_for(what: str, ask: Callable[[], str | None], seconds: float) -> str:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.2)
    return answer


class Stack:
    """One stack, made of the unmodified files of this checkout."""

    def __init__(self, passwords: Mapping[str, str], ports: Mapping[str, int], folder: Path) -> None:
        self.passwords, self.ports = passwords, ports
        self.compose_command = compose_commands()[0]
        self.env_file = folder / "stack.env"
        lines = [f"STACK_{name}_PASSWORD={value}" for name, value in passwords.items()]
        lines += [f"STACK_{name}_PORT={value}" for name, value in ports.items()]
        # The tests say what is launched; schedules and sensors would come in between.
        self.env_file.write_text("\n".join([*lines, "STACK_AUTOMATION=stopped", ""]))

    def compose(self, *arguments: str) -> str:
        """What a Compose command prints; its complaints where it fails."""
        command = [*self.compose_command, "-p", PROJECT, "--env-file", str(self.env_file), *arguments]
        done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def container(self, service: str) -> str:
        """The id of a service's container."""
        return docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}",
                      "--filter", f"label=com.docker.compose.service={service}")  # fmt: skip

    def inspect(self, container: str) -> dict[str, Any]:
        """What the engine knows of a container."""
        return dict(json.loads(docker("inspect", container))[0])

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an answer of the webserver."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['WEBSERVER']}/graphql", body, {"Content-Type": "application/json"}
        )
        # To cancel a run is answered when its container has ended, which has half a minute for it.
        with urllib.request.urlopen(request, timeout=90) as answer:  # noqa: S310
            document = json.load(answer)
        assert "errors" not in document, document["errors"]
        return dict(document["data"])

    def launch(self, job: str, partition: str) -> str:
        """Launch a partition's run as the UI does; its id."""
        selector = {
            "repositoryLocationName": "tickstock_dagster", "repositoryName": "__repository__", "pipelineName": job,
        }  # fmt: skip
        params = {
            "selector": selector,
            "mode": "default",
            "runConfigData": "{}",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        launched = self.graphql(LAUNCH, params=params)["launchPipelineExecution"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def run(self, run_id: str) -> dict[str, Any]:
        """Status and tags of a run."""
        return dict(self.graphql(RUN, id=run_id)["runOrError"])

    def finished(self, run_id: str, seconds: float = 120) -> str:
        """The status with which a run ended."""

        def ended() -> str | None:
            status = str(self.run(run_id)["status"])
            return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

        return wait_for(f"run {run_id}", ended, seconds)

    def messages(self, run_id: str) -> str:
        """The run's log."""
        events = self.graphql(LOGS, id=run_id)["logsForRun"]["events"]
        return "\n".join(event["message"] for event in events if event.get("message"))

    def run_container(self, run_id: str) -> str:
        """The id of a run's container, as soon as it is there."""
        label = f"label={RUN_LABEL}={run_id}"
        return wait_for("the run's container", lambda: docker("ps", "-aq", "--no-trunc", "--filter", label) or None, 60)

    @contextmanager
    def database(self, name: str = "tickstock", login: str = "postgres") -> Iterator[psycopg.Connection[Any]]:
        """A session over the published port."""
        password = {"postgres": "POSTGRES", "tickstock": "WAREHOUSE", "dagster": "DAGSTER"}[login]
        with psycopg.connect(
            host="127.0.0.1", port=self.ports["POSTGRES"], dbname=name, user=login, password=self.passwords[password],
            autocommit=True,
        ) as connection:  # fmt: skip
            yield connection

    def control(self, method: str, path: str, body: object = None) -> None:
        """Drive the simulator, which listens for this inside of its container alone."""
        code = (
            "import sys, urllib.request as u; "
            "u.urlopen(u.Request('http://127.0.0.1:8000/_control/' + sys.argv[2], sys.argv[3].encode() or None, "
            "method=sys.argv[1]))"
        )
        self.compose("exec", "-T", "simulator", "python", "-c", code, method, path, json.dumps(body) if body else "")
