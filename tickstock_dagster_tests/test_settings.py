"""The environment: complete documentation, clear errors, no secret in them."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tickstock_dagster.clock import clock_of
from tickstock_dagster.core.calendars.markets import ABROAD
from tickstock_dagster.core.errors import ConfigurationError
from tickstock_dagster.settings import DAGSTER_SWITCHES, EMPTY_IS_UNSET, PROJECT_ROOT, Settings, load_settings

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
            for text in ("tomorrow", "2026-11-20", "2026-11-20T22:00:00", "1795212000")
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


def test_the_variables_that_compose_passes_empty_count_as_unset_then_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compose = (PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    passed = set(re.findall(r"^  ([A-Z_]+): \$\{\w+:-\}$", compose, re.MULTILINE))
    assert {name for name in passed if not name.startswith("TICKSTOCK_FILES_")} == EMPTY_IS_UNSET
    defaults = Settings()
    for name in EMPTY_IS_UNSET:
        monkeypatch.setenv(name, "")
    assert load_settings() == defaults


@pytest.mark.parametrize("variable", [str(field.validation_alias) for field in Settings.model_fields.values()])
@pytest.mark.parametrize("value", ["", "  ", "\t", "a\x1b[2Jb", "a\u202eb", "a\udcffb"])
def test_no_other_variable_is_empty_and_none_is_blank_or_unprintable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    if value == "" and variable in EMPTY_IS_UNSET:
        return
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"the environment is not accepted: {variable}: ") as caught:
        load_settings()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        *(
            (name, value, words)
            for name in ("TICKSTOCK_DATABASE_URL", "TICKSTOCK_DAGSTER_STORAGE_URL")
            for value, words in (
                ("host/name", "does not begin with postgresql://"),
                ("http://host/name", "does not begin with postgresql://"),
                ("postgresql:/host/name", "lacks //"),
                ("postgresql://user:topsecret@host:port/name", "host or port cannot be read"),
                ("postgresql://user:topsecret@host:0/name", "a port from 1 to 65,535"),
                ("postgresql://user:topsecret@host:70000/name", "host or port cannot be read"),
                ("postgresql:///name", "has no host"),
                ("postgresql://user:topsecret@host", "names no database"),
                ("postgresql://user:top/secret@host/name", "percent-encoded"),
                ("postgresql://[::1/name", "host or port cannot be read"),
            )
        ),
        ("TICKSTOCK_REDIS_URL", "localhost:6379", "does not begin with redis://"),
        ("TICKSTOCK_REDIS_URL", "http://localhost:6379", "does not begin with redis://"),
        ("TICKSTOCK_REDIS_URL", "redis://localhost:notaport/0", "host or port cannot be read"),
        ("TICKSTOCK_REDIS_URL", "redis://:topsecret@localhost:6379/zero", "database is no number"),
        ("TICKSTOCK_REDIS_URL", "redis://:6379", "has no host"),
        *(
            (name, value, words)
            for name in ("MASSIVE_BASE_URL", "TICKSTOCK_SIMULATOR_URL")
            for value, words in (
                ("api.massive.com", "does not begin with http://"),
                ("ftp://api.massive.com", "does not begin with http://"),
                ("http://h:notaport", "host or port cannot be read"),
                ("http://h:70000", "host or port cannot be read"),
                ("http://:80", "has no host"),
            )
        ),
        ("TICKSTOCK_STATE_DIR", __file__, "a folder is expected"),
        ("TICKSTOCK_PROFILE", "devv", "did you mean dev?"),
        ("TICKSTOCK_SYMBOL_GRID_START", "2025-02-30", "'2025-02-30' is no day"),
        ("TICKSTOCK_SYMBOL_GRID_START", "0001-01-01", "is not between 2000-01-01 and 2050-12-31"),
        ("TICKSTOCK_SYMBOL_GRID_START", "9999-12-31", "is not between"),
        *(
            (name, value, words)
            for name in (
                "TICKSTOCK_KEEP_EVENTS_DAYS",
                "TICKSTOCK_KEEP_VENDOR_CALLS_DAYS",
                "TICKSTOCK_KEEP_FINISHED_WORK_DAYS",
                "TICKSTOCK_QUEUE_PER_TYPE",
                "TICKSTOCK_QUEUE_IN_ALL",
            )
            for value, words in (
                ("0", "greater than"), ("-1", "greater than"), (str(10**30), "less than"), ("1e20", "integer"),
                ("nan", "integer"), ("30 days", "integer"),
            )
        ),
        *(("TICKSTOCK_SMTP_PORT", value, "") for value in ("0", "-1", "65536", "smtp", "25.5")),
        ("TICKSTOCK_SMTP_SECURITY", "ssl", "'starttls', 'tls' or 'none'"),
    ],
)  # fmt: skip
def test_an_absurd_value_is_refused_at_once_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    text = str(caught.value)
    assert text.startswith(f"the environment is not accepted: {variable}: ")
    assert words in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TICKSTOCK_DATABASE_URL", "postgresql://user:p%40ss@db.example:5432/tickstock?sslmode=require"),
        ("TICKSTOCK_DATABASE_URL", "postgres://[::1]:5432/tickstock"),
        ("TICKSTOCK_DATABASE_URL", "postgresql:///tickstock?host=/var/run/postgresql"),
        ("TICKSTOCK_REDIS_URL", "rediss://:p@host"),
        ("TICKSTOCK_REDIS_URL", "redis://host:6379/0?ssl_cert_reqs=none"),
        ("TICKSTOCK_REDIS_URL", "unix:///run/redis.sock?db=1"),
        ("MASSIVE_BASE_URL", "https://proxy.example/massive/"),
        ("TICKSTOCK_SIMULATOR_URL", "http://127.0.0.1:8089"),
    ],
)
def test_a_usual_address_is_accepted(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    load_settings()


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
