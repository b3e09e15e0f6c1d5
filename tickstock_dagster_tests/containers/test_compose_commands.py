"""Both Compose versions read the file alike, whatever else is configured in the checkout."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tickstock_dagster.adapters.services.environment import write_dotenv
from tickstock_dagster.adapters.services.local import ServiceAddresses
from tickstock_dagster.settings import PROJECT_ROOT, load_settings
from tickstock_dagster_tests.containers.stack import COMPOSE, compose_commands, environment

pytestmark = pytest.mark.docker

SECRETS = {f"STACK_{name}_PASSWORD": f"word-of-{name}" for name in ("POSTGRES", "WAREHOUSE", "DAGSTER", "REDIS")}


@pytest.fixture(params=COMPOSE, ids=" ".join)
def config(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with the Compose file alone."""
    if list(request.param) not in compose_commands():
        pytest.skip(f"there is no {' '.join(request.param)}")
    shutil.copy(PROJECT_ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / "command").write_text(json.dumps(request.param))
    return tmp_path


def read(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [*json.loads((folder / "command").read_text()), "config"]
    return subprocess.run(command, cwd=folder, env=environment(**variables), capture_output=True, text=True)


def test_the_env_file_of_the_local_services_changes_nothing(config: Path) -> None:
    without = read(config, **SECRETS)
    assert without.returncode == 0, without.stderr
    addresses = ServiceAddresses(
        "postgresql://tickstock:embedded@127.0.0.1:1/tickstock",
        "postgresql://tickstock:embedded@127.0.0.1:1/dagster",
        "redis://:embedded@127.0.0.1:2/0",
        "http://127.0.0.1:3",
        frozenset({"database_url", "dagster_storage_url", "redis_url", "simulator_url"}),
    )
    assert write_dotenv(config, addresses, load_settings())
    assert read(config, **SECRETS).stdout == without.stdout
    assert "embedded" not in without.stdout


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_a_missing_password_is_named_with_where_to_look(config: Path, missing: str) -> None:
    refused = read(config, **{name: value for name, value in SECRETS.items() if name != missing})
    assert refused.returncode != 0
    assert missing in refused.stderr
    assert "deploy/env.example" in refused.stderr
