"""The environment: complete documentation, clear errors, no secret in them."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tickstock_dagster.clock import clock_of
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.errors import ConfigurationError
from tickstock_dagster.settings import DAGSTER_SWITCHES, PROJECT_ROOT, Settings, load_settings

LINE = re.compile(r"^# ([A-Z][A-Z_]+)=(.*)$", re.MULTILINE)


def example() -> dict[str, str]:
    return dict(LINE.findall((PROJECT_ROOT / ".env.example").read_text(encoding="utf-8")))


def test_env_example_lists_every_variable_and_no_other() -> None:
    settings = {str(field.validation_alias) for field in Settings.model_fields.values()}
    dagster = {"DAGSTER_HOME", "TICKSTOCK_DAGSTER_DIR", *DAGSTER_SWITCHES}
    files = {f"TICKSTOCK_FILES_{mic}" for mic in ABROAD}  # read by the resource of each market when it is used
    assert example().keys() == settings | dagster | files | {"TICKSTOCK_REAL_DATA"}


def test_env_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKSTOCK_STATE_DIR")
    shown, defaults = example(), Settings()
    assert shown["MASSIVE_PLAN"] == defaults.massive_plan
    assert shown["TICKSTOCK_PROFILE"] == defaults.profile
    assert shown["TICKSTOCK_SYMBOL_GRID_START"] == defaults.symbol_grid_start
    assert shown["TICKSTOCK_AUTOMATION"] == defaults.automation
    assert PROJECT_ROOT / shown["TICKSTOCK_STATE_DIR"] == defaults.state_dir


def test_env_example_is_accepted_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example().items():
        monkeypatch.setenv(name, value)
    assert load_settings().state_dir == Path(".tickstock")


def test_every_variable_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("variable", "value", "accepted"),
    [
        ("MASSIVE_PLAN", "gold", "'starter'"),
        ("MASSIVE_CALLS_PER_SECOND", "0", "greater than or equal to 1"),
        ("MASSIVE_CALLS_PER_SECOND", "101", "less than or equal to 100"),
        ("MASSIVE_CALLS_PER_SECOND", "many", "integer"),
        ("TICKSTOCK_SYMBOL_GRID_START", "2.1.2025", "pattern"),
        ("TICKSTOCK_AUTOMATION", "on", "'running' or 'stopped'"),
        *(
            ("TICKSTOCK_NOW", text, "an instant with its offset is expected, as 2026-11-20T22:00:00+00:00")
            for text in ("tomorrow", "2026-11-20", "2026-11-20T22:00:00", "1795212000", "2026-11-20T22:00:00\n+00:00")
        ),
        *(
            ("TICKSTOCK_NOW", text, "an instant between 2000-01-01 and 2050-12-31 is expected")
            for text in (
                "9999-12-31T23:59:59-05:00",
                "0001-01-01T00:00:00+14:00",
                "1999-12-31T12:00:00+00:00",
                "2051-01-01T00:00:00+00:00",
            )
        ),
    ],
)
def test_a_value_that_is_not_accepted_is_named_with_what_is(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, accepted: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=variable) as caught:
        load_settings()
    assert accepted in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_error_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASSIVE_API_KEY", "top-secret")
    monkeypatch.setenv("TICKSTOCK_DATABASE_URL", "postgresql://a:top-secret@h/d")
    assert "top-secret" not in repr(load_settings())
    load_settings.cache_clear()
    monkeypatch.setenv("MASSIVE_PLAN", "gold")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "top-secret" not in str(caught.value)


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASSIVE_API_KEY", "")
    monkeypatch.setenv("MASSIVE_CALLS_PER_SECOND", "")
    settings = load_settings()
    assert settings.massive_api_key is None
    assert settings.massive_calls_per_second is None


def test_the_clock_stands_at_the_instant_that_is_named_and_is_the_real_one_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for text in ("2026-11-20T17:00:00-05:00", "2026-11-20T22:00:00Z"):
        monkeypatch.setenv("TICKSTOCK_NOW", text)
        load_settings.cache_clear()
        clock = clock_of(load_settings())
        assert clock() == clock() == datetime(2026, 11, 20, 22, tzinfo=UTC)
        assert clock().tzinfo is UTC
    monkeypatch.setenv("TICKSTOCK_NOW", "")
    load_settings.cache_clear()
    clock = clock_of(load_settings())
    before = datetime.now(UTC)
    assert before <= clock() <= datetime.now(UTC)


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_settings()
    monkeypatch.setenv("MASSIVE_PLAN", "free")
    assert load_settings() is first
