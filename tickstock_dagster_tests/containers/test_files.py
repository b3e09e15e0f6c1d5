"""The containers' files agree with one another, with the settings and with the local instance."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.settings import DAGSTER_SWITCHES, PROJECT_ROOT, Settings

DEPLOY = PROJECT_ROOT / "deploy"
COMPOSE_TEXT = (PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
INSTANCE: dict[str, Any] = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
LAUNCHER = INSTANCE["run_launcher"]["config"]
SERVICES = COMPOSE["services"]
VARIABLES = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE_TEXT))


def test_a_run_can_have_every_variable_that_is_listed_for_it() -> None:
    assert set(LAUNCHER["env_vars"]) <= SERVICES["daemon"]["environment"].keys()
    assert all(isinstance(value, str) for value in SERVICES["daemon"]["environment"].values())


def test_every_setting_reaches_the_code_location_and_the_runs() -> None:
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()} - {"TICKSTOCK_STATE_DIR"}
    assert settings <= SERVICES["code"]["environment"].keys()
    mail = {name for name in settings if name.startswith(("TICKSTOCK_SMTP_", "TICKSTOCK_MAIL_"))}
    assert settings - mail - {"TICKSTOCK_AUTOMATION"} <= set(LAUNCHER["env_vars"])
    assert not mail & set(LAUNCHER["env_vars"]), "mails are sent by a sensor: no run needs the server's password"
    files = {f"TICKSTOCK_FILES_{mic}" for mic in ABROAD}
    assert files <= SERVICES["code"]["environment"].keys() & set(LAUNCHER["env_vars"])


@pytest.mark.parametrize("service", ["code", "webserver", "daemon"])
def test_both_switches_are_set_on_every_dagster_process(service: str) -> None:
    assert DAGSTER_SWITCHES.items() <= SERVICES[service]["environment"].items()
    assert DAGSTER_SWITCHES.keys() <= set(LAUNCHER["env_vars"])


def test_the_fixed_names_are_the_same_on_both_sides() -> None:
    assert LAUNCHER["network"] == COMPOSE["networks"]["default"]["name"]
    (volume,) = LAUNCHER["container_kwargs"]["volumes"]
    name, folder = volume.split(":")
    assert name == COMPOSE["volumes"]["dagster"]["name"]
    for service in ("code", "webserver", "daemon"):
        assert any(mount.split(":")[:2] == ["dagster", folder] for mount in SERVICES[service]["volumes"])
    assert INSTANCE["local_artifact_storage"]["config"]["base_dir"] == folder
    assert INSTANCE["compute_logs"]["config"]["base_dir"].startswith(f"{folder}/")
    assert SERVICES["code"]["environment"]["DAGSTER_CURRENT_IMAGE"] == SERVICES["migrate"]["image"]


def test_the_database_is_a_stated_release_of_timescaledb() -> None:
    assert re.fullmatch(r"timescale/timescaledb:\d+\.\d+\.\d+-pg17", SERVICES["timescaledb"]["image"])


@pytest.mark.parametrize("section", ["concurrency", "run_coordinator", "run_monitoring", "retention", "telemetry"])
def test_the_containers_instance_behaves_as_the_local_one(section: str) -> None:
    local = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text(encoding="utf-8"))
    assert INSTANCE[section] == local[section]


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_service_is_watched_bounded_and_published_on_this_machine_alone(service: str) -> None:
    given = SERVICES[service]
    assert ("healthcheck" in given) != (service == "migrate")
    assert given["security_opt"] == ["no-new-privileges:true"]
    assert given["logging"]["options"].keys() == {"max-size", "max-file"}
    assert [port for port in given.get("ports", []) if not port.startswith("127.0.0.1:")] == []


@pytest.mark.parametrize("service", ["simulator", "code", "events", "webserver"])
def test_only_the_preparation_and_the_database_know_the_superuser(service: str) -> None:
    assert "STACK_POSTGRES_PASSWORD" not in str(SERVICES[service])
    assert "STACK_POSTGRES_PASSWORD" not in str(SERVICES["daemon"])


def test_the_webserver_has_no_secret_but_that_of_its_storage() -> None:
    known = set(re.findall(r"STACK_\w+", str(SERVICES["webserver"]["environment"])))
    assert known == {"STACK_DAGSTER_PASSWORD"}


def test_the_dispatcher_has_the_store_and_redis_alone_and_is_as_hardened_as_the_others() -> None:
    given = SERVICES["events"]
    assert given["environment"].keys() == {"TICKSTOCK_DATABASE_URL", "TICKSTOCK_REDIS_URL"}
    assert given["environment"].items() <= SERVICES["code"]["environment"].items()
    hardened = ("image", "read_only", "tmpfs", "cap_drop", "security_opt", "restart", "logging")
    assert {name: given[name] for name in hardened} == {name: SERVICES["code"][name] for name in hardened}
    assert "ports" not in given
    assert "volumes" not in given
    # What is touched is what is looked at, in the only place where a read-only container can write.
    heartbeat = given["command"][given["command"].index("--heartbeat") + 1]
    assert heartbeat in given["healthcheck"]["test"]
    assert heartbeat.startswith(f"{given['tmpfs'][0]}/")


def test_the_probe_tells_a_file_that_was_just_touched_from_an_old_one(tmp_path: Path) -> None:
    def probe(name: str) -> int:
        command = [sys.executable, DEPLOY / "probe.py", "fresh", tmp_path / name, "30"]
        return subprocess.run(command, check=False, capture_output=True).returncode

    # By this process's clock, which under `make test-days` is not that of the file system.
    for name, touched in (("new", time.time()), ("old", 0.0)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (touched, touched))
    assert [probe(name) for name in ("new", "old", "none")] == [0, 1, 1]


def test_every_variable_is_documented_and_the_local_env_file_has_none_of_them() -> None:
    text = (DEPLOY / "env.example").read_text(encoding="utf-8")
    documented = set(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", text, re.MULTILINE))
    assert documented == VARIABLES
    assert all(name.startswith("STACK_") for name in VARIABLES - {"DOCKER_SOCKET"})


def test_the_example_shows_the_defaults() -> None:
    text = (DEPLOY / "env.example").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^# (\w+)=(.*)$", text, re.MULTILINE))
    defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE_TEXT))
    assert shown == defaults


def test_fresh_passwords_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    for name in ("new-env.sh", "env.example"):
        shutil.copy(DEPLOY / name, tmp_path)
    subprocess.run([tmp_path / "new-env.sh"], check=True, capture_output=True)
    made = tmp_path / ".env"
    passwords = re.findall(r"^STACK_\w+_PASSWORD=([0-9a-f]{48})$", made.read_text(), re.MULTILINE)
    assert len(set(passwords)) == 4
    assert made.stat().st_mode & 0o777 == 0o600
    first = made.read_text()
    again = subprocess.run([tmp_path / "new-env.sh"], check=True, capture_output=True, text=True)
    assert "stays as it is" in again.stderr
    assert made.read_text() == first
