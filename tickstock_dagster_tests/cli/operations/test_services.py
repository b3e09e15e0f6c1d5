"""`tickstock services` as a person and as a script see it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tickstock_dagster.adapters.services.local import LocalServices
from tickstock_dagster.cli.operations import services
from tickstock_dagster.settings import load_settings


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(services, "PROJECT_ROOT", tmp_path)
    monkeypatch.setenv("TICKSTOCK_STATE_DIR", str(tmp_path / ".tickstock"))
    load_settings.cache_clear()
    yield tmp_path
    LocalServices(tmp_path / ".tickstock").down()


def test_up_status_and_down_tell_what_happened(checkout: Path) -> None:
    runner = CliRunner()
    before = runner.invoke(services.command, ["status"])
    assert before.exit_code == 1
    assert before.output.count("│ down") == 3

    up = runner.invoke(services.command, ["up"])
    assert up.exit_code == 0, up.output
    assert up.output.count("│ up ") == 3
    assert f"Wrote {checkout / '.env'}" in up.output
    assert "TICKSTOCK_DATABASE_URL=postgresql://tickstock:" in (checkout / ".env").read_text()

    again = runner.invoke(services.command, ["up", "--json"])
    assert again.exit_code == 0
    document = json.loads(again.output)
    assert document["dotenv_written"] is False
    assert [(s["name"], s["state"]) for s in document["services"]] == [
        ("postgres", "up"),
        ("valkey", "up"),
        ("simulator", "up"),
    ]

    status = runner.invoke(services.command, ["status", "--json"])
    assert status.exit_code == 0
    assert json.loads(status.output)["services"] == document["services"]
    local = LocalServices(checkout / ".tickstock")
    for output in (up.output, again.output, status.output):
        assert "***" in output
        for login in ("tickstock", "valkey"):
            assert (local.state.password(login) or "") not in output

    down = runner.invoke(services.command, ["down"])
    assert (down.exit_code, down.output) == (0, "Stopped simulator, valkey, postgres.\n")
    none = runner.invoke(services.command, ["down"])
    assert (none.exit_code, none.output) == (0, "No embedded service was running.\n")


def test_up_leaves_a_dotenv_that_somebody_wrote_and_says_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / ".env").write_text("A=1\n")
    for name in ("TICKSTOCK_DATABASE_URL", "TICKSTOCK_DAGSTER_STORAGE_URL"):
        monkeypatch.setenv(name, "postgresql://a:b@127.0.0.1:1/d")
    monkeypatch.setenv("TICKSTOCK_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("MASSIVE_API_KEY", "key")
    load_settings.cache_clear()
    up = CliRunner().invoke(services.command, ["up"])
    assert up.exit_code == 0
    assert f"Left {checkout / '.env'} alone" in up.output
    assert (checkout / ".env").read_text() == "A=1\n"
    assert CliRunner().invoke(services.command, ["status"]).exit_code == 1
    assert not (checkout / ".tickstock").exists()
