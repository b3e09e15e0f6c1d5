"""The only reader of the environment. Every variable is typed and described here, and listed in `.env.example`."""

import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tickstock_dagster.core.calendars.library import FIRST_DAY, LAST_DAY
from tickstock_dagster.core.errors import ConfigurationError
from tickstock_dagster.core.loading.vendor_plans import PlanName
from tickstock_dagster.core.operations.maintenance import Retention
from tickstock_dagster.core.universes.profiles import DEFAULT_PROFILE

SIMULATOR_KEY = "simulator"
"""The key that the local simulator accepts."""

PROJECT_ROOT = Path(__file__).resolve().parent.parent

DAGSTER_SWITCHES = {
    "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "1",
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
}
"""Set both on every Dagster process: a range of 252 partitions then writes its events in 0.35 s instead of 6.6 s. With
only one of them, Dagster's bookkeeping is wrong."""


class Settings(BaseSettings):
    """Configuration of one process. An empty variable counts as unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", env_file=None, case_sensitive=False)

    database_url: SecretStr | None = Field(
        None,
        validation_alias="TICKSTOCK_DATABASE_URL",
        description="PostgreSQL of the warehouse, postgresql://user:password@host:port/database. Unset: embedded.",
    )
    redis_url: SecretStr | None = Field(
        None,
        validation_alias="TICKSTOCK_REDIS_URL",
        description="Redis (or Valkey) for notifications, redis://host:port/0. Unset: embedded.",
    )
    dagster_storage_url: SecretStr | None = Field(
        None,
        validation_alias="TICKSTOCK_DAGSTER_STORAGE_URL",
        description="PostgreSQL of Dagster's own storage, not the warehouse's database. Unset: embedded.",
    )
    state_dir: Path = Field(
        PROJECT_ROOT / ".tickstock",
        validation_alias="TICKSTOCK_STATE_DIR",
        description="Folder of the embedded services' data, logs and ports.",
    )
    massive_api_key: SecretStr | None = Field(
        None, validation_alias="MASSIVE_API_KEY", description="Vendor key. Unset: the local simulator is the vendor."
    )
    massive_base_url: str | None = Field(
        None,
        validation_alias="MASSIVE_BASE_URL",
        description="Vendor address. Unset: the vendor's own with a key, the local simulator's without.",
    )
    simulator_url: str | None = Field(
        None,
        validation_alias="TICKSTOCK_SIMULATOR_URL",
        description="A running simulator: the vendor while MASSIVE_API_KEY is unset. Unset: embedded.",
    )
    massive_plan: PlanName = Field(
        PlanName.STARTER,
        validation_alias="MASSIVE_PLAN",
        description="The key's plan: free, starter, developer, advanced or business.",
    )
    massive_calls_per_second: int | None = Field(
        None,
        ge=1,
        le=100,
        validation_alias="MASSIVE_CALLS_PER_SECOND",
        description="Calls a second in place of the plan's rate; the vendor asks to stay below 100.",
    )
    profile: str = Field(
        DEFAULT_PROFILE, validation_alias="TICKSTOCK_PROFILE", description="Profile of commands that name none."
    )
    symbol_grid_start: str = Field(
        "2025-01-02",
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        validation_alias="TICKSTOCK_SYMBOL_GRID_START",
        description="First session of the session × symbol grid (us/ohlcv_daily), an XNYS session.",
    )
    automation: Literal["running", "stopped"] = Field(
        "stopped",
        validation_alias="TICKSTOCK_AUTOMATION",
        description="Whether schedules and sensors are on from the start: running in production, stopped on a laptop.",
    )

    now: datetime | None = Field(
        None,
        validation_alias="TICKSTOCK_NOW",
        description="For tests and rehearsals: the instant (ISO 8601 with its offset) that the command line, the "
        "Dagster code location and the embedded simulator use as now. Unset: the real clock.",
    )

    keep_events_days: int = Field(
        90,
        ge=7,
        validation_alias="TICKSTOCK_KEEP_EVENTS_DAYS",
        description="Days for which sent notifications can be replayed; maintenance removes older ones.",
    )
    keep_vendor_calls_days: int = Field(
        180,
        ge=1,
        validation_alias="TICKSTOCK_KEEP_VENDOR_CALLS_DAYS",
        description="Days for which maintenance keeps the record of single vendor calls.",
    )
    keep_finished_work_days: int = Field(
        30,
        ge=7,
        validation_alias="TICKSTOCK_KEEP_FINISHED_WORK_DAYS",
        description="Days for which maintenance keeps cancelled work units, and receipts that later ones replaced.",
    )

    smtp_host: str | None = Field(
        None,
        validation_alias="TICKSTOCK_SMTP_HOST",
        description="Mail server for mail to the administrators. Unset: no mail.",
    )
    smtp_port: int = Field(
        587, ge=1, le=65535, validation_alias="TICKSTOCK_SMTP_PORT", description="Port of the mail server."
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        validation_alias="TICKSTOCK_SMTP_SECURITY",
        description="starttls (port 587), tls from the first byte (465), or none, which permits no password.",
    )
    smtp_user: str | None = Field(
        None, validation_alias="TICKSTOCK_SMTP_USER", description="Login at the mail server. Unset: no login."
    )
    smtp_password: SecretStr | None = Field(
        None, validation_alias="TICKSTOCK_SMTP_PASSWORD", description="Password of the login at the mail server."
    )
    smtp_ca_file: Path | None = Field(
        None,
        validation_alias="TICKSTOCK_SMTP_CA_FILE",
        description="Trusted certificates (PEM) for the mail server. Unset: the system's.",
    )
    mail_from: str = Field(
        "tickstock@localhost", validation_alias="TICKSTOCK_MAIL_FROM", description="Sender of the mails."
    )
    mail_to: str = Field(
        "", validation_alias="TICKSTOCK_MAIL_TO", description="Receivers, separated by commas. Unset: no mail."
    )

    @property
    def retention(self) -> Retention:
        """How long maintenance keeps rows of each kind."""
        return Retention(
            events=timedelta(days=self.keep_events_days),
            vendor_calls=timedelta(days=self.keep_vendor_calls_days),
            finished_work=timedelta(days=self.keep_finished_work_days),
        )

    @field_validator("massive_api_key")
    @classmethod
    def _simulators_key_is_none(cls, key: SecretStr | None) -> SecretStr | None:
        """Treat the simulator's key, set for child processes, as no key."""
        return None if key is not None and key.get_secret_value() == SIMULATOR_KEY else key

    @field_validator("now", mode="before")
    @classmethod
    def _instant_with_offset(cls, value: object) -> datetime | None:
        """Accept only an unambiguous instant: no bare date, no time without an offset, no number of seconds."""
        if value is None:
            return None
        text = str(value)
        try:
            instant = datetime.fromisoformat(text) if text.isprintable() else None
        except ValueError:
            instant = None
        if instant is None or instant.tzinfo is None:
            raise ValueError("an instant with its offset is expected, as 2026-11-20T22:00:00+00:00")
        # A day within both ends, so that the date is inside in every time zone.
        if not FIRST_DAY < instant.date() < LAST_DAY:
            raise ValueError(f"an instant between {FIRST_DAY} and {LAST_DAY} is expected: the calendars end there")
        return instant.astimezone(UTC)

    @model_validator(mode="after")
    def _simulator_only_without_key(self) -> Self:
        """Use the simulator's address only without a key: containers always set it, and a key must never go there."""
        if self.massive_api_key is None and self.massive_base_url is None:
            self.massive_base_url = self.simulator_url
        return self


@lru_cache(maxsize=1)
def load_settings() -> Settings:
    """Read and validate the environment, once per process.

    Raises:
        ConfigurationError: the value of a variable is not accepted; names the variable, never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}" for item in error.errors()
        )
        raise ConfigurationError(f"the environment is not accepted: {problems}") from None


def market_file(mic: str) -> str:
    """files:PATH of the bars of a market outside the US, from TICKSTOCK_FILES_ and its MIC; empty where it is unset."""
    return os.environ.get(f"TICKSTOCK_FILES_{mic}", "").strip()
