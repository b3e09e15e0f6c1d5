"""The only reader of the environment. Every variable is typed and described here, and listed in `.env.example`.

Longer than 250 lines because every variable stands here with what is accepted for it.
"""

import os
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tickstock_dagster.core.calendars.library import FIRST_DAY, LAST_DAY
from tickstock_dagster.core.errors import BadInputError, ConfigurationError
from tickstock_dagster.core.loading.queueing import QueueBounds
from tickstock_dagster.core.loading.vendor_plans import PlanName
from tickstock_dagster.core.operations.maintenance import Retention
from tickstock_dagster.core.printable import is_plain
from tickstock_dagster.core.server_urls import POSTGRESQL, REDIS, WEB, address_problem, is_host, is_mailbox
from tickstock_dagster.core.universes.profiles import DEFAULT_PROFILE, profile_named

SIMULATOR_KEY = "simulator"
"""The key that the local simulator accepts."""

PROJECT_ROOT = Path(__file__).resolve().parent.parent

DAGSTER_SWITCHES = {
    "DAGSTER_EMIT_PARTITION_SUBSET_IN_PLANNED_EVENTS": "1",
    "DAGSTER_EVENT_BATCH_SIZE": "1000",
}
"""Set both on every Dagster process: a range of 252 partitions then writes its events in 0.35 s instead of 6.6 s. With
only one of them, Dagster's bookkeeping is wrong."""


EMPTY_IS_UNSET = frozenset(
    {
        "MASSIVE_API_KEY", "MASSIVE_BASE_URL", "MASSIVE_CALLS_PER_SECOND", "TICKSTOCK_NOW", "TICKSTOCK_SMTP_HOST",
        "TICKSTOCK_SMTP_USER", "TICKSTOCK_SMTP_PASSWORD", "TICKSTOCK_SMTP_CA_FILE", "TICKSTOCK_MAIL_TO",
    }
)  # fmt: skip
"""Variables that docker-compose.yml passes empty where they are not set: it cannot leave one out. Any other empty
variable is a mistake, as of a secret that was not filled in, and is refused: the default would be something else than
what was meant, such as an embedded server instead of the shared one."""

MOST_DAYS = 36_500
"""A hundred years: more is a slip of the finger, and soon no date."""

_SERVERS = {
    "database_url": POSTGRESQL,
    "dagster_storage_url": POSTGRESQL,
    "redis_url": REDIS,
    "massive_base_url": WEB,
    "simulator_url": WEB,
}


class Settings(BaseSettings):
    """Configuration of one process. An empty variable is refused, but for those of `EMPTY_IS_UNSET`."""

    model_config = SettingsConfigDict(extra="ignore", env_file=None, case_sensitive=False)

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
        le=MOST_DAYS,
        validation_alias="TICKSTOCK_KEEP_EVENTS_DAYS",
        description="Days for which sent notifications can be replayed; maintenance removes older ones.",
    )
    keep_vendor_calls_days: int = Field(
        180,
        ge=1,
        le=MOST_DAYS,
        validation_alias="TICKSTOCK_KEEP_VENDOR_CALLS_DAYS",
        description="Days for which maintenance keeps the record of single vendor calls.",
    )
    keep_finished_work_days: int = Field(
        30,
        ge=7,
        le=MOST_DAYS,
        validation_alias="TICKSTOCK_KEEP_FINISHED_WORK_DAYS",
        description="Days for which maintenance keeps cancelled work units, and receipts that later ones replaced.",
    )

    queue_per_type: int = Field(
        20_000,
        ge=1,
        le=10_000_000,
        validation_alias="TICKSTOCK_QUEUE_PER_TYPE",
        description="The most open entries of one equity type in the processing queue.",
    )
    queue_in_all: int = Field(
        50_000,
        ge=1,
        le=10_000_000,
        validation_alias="TICKSTOCK_QUEUE_IN_ALL",
        description="The most open entries in the processing queue, of all types together.",
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

    @property
    def queue_bounds(self) -> QueueBounds:
        """How much the processing queue takes."""
        return QueueBounds(self.queue_per_type, self.queue_in_all)

    @field_validator(*_SERVERS)
    @classmethod
    def _address(cls, value: SecretStr | str | None, info: ValidationInfo) -> SecretStr | str | None:
        """Refuse an address that no server can have; the error does not repeat it."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None and (problem := address_problem(text, _SERVERS[str(info.field_name)])):
            raise ValueError(problem)
        return value

    @field_validator("smtp_host")
    @classmethod
    def _mail_server(cls, host: str | None) -> str | None:
        """Refuse what can be no host, such as an address with a scheme or a port."""
        if host is not None and not is_host(host):
            raise ValueError("the name or address of a host is expected, without a scheme or port")
        return host

    @field_validator("mail_from", "mail_to")
    @classmethod
    def _mailboxes(cls, text: str, info: ValidationInfo) -> str:
        """Refuse what no mail can be sent to, instead of trying for days."""
        boxes = text.split(",") if info.field_name == "mail_to" and text else [text] if text else []
        if not all(map(is_mailbox, boxes)):
            raise ValueError("mail addresses are expected, as a@example.com; several receivers are separated by commas")
        return text

    @field_validator("state_dir")
    @classmethod
    def _folder(cls, path: Path) -> Path:
        """Refuse a file in place of a folder."""
        try:
            taken = path.expanduser().exists() and not path.expanduser().is_dir()
        except (OSError, RuntimeError) as error:  # a name that no file can have, or a home that does not exist
            raise ValueError(f"a folder is expected ({error.__class__.__name__})") from None
        if taken:
            raise ValueError("a folder is expected; this is a file")
        return path

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, name: str) -> str:
        """Refuse a profile that there is not."""
        try:
            return profile_named(name).name
        except BadInputError as error:
            raise ValueError(str(error)) from None

    @field_validator("symbol_grid_start")
    @classmethod
    def _grid_within_calendar(cls, text: str) -> str:
        """Refuse a day that no calendar has; whether it is a session is asked where it is used."""
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is no day; YYYY-MM-DD is expected") from None
        if not FIRST_DAY < day < LAST_DAY:
            raise ValueError(f"{text} is not between {FIRST_DAY} and {LAST_DAY}, where the calendars end")
        return text

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

    # The last one of its mode runs first.
    @field_validator("*", mode="before")
    @classmethod
    def _neither_empty_nor_unprintable(cls, value: object, info: ValidationInfo) -> object:
        """Refuse a variable without a value, or with control characters; the default where empty means unset."""
        if not isinstance(value, str) or info.field_name is None:
            return value
        field = cls.model_fields[info.field_name]
        if value == "" and field.validation_alias in EMPTY_IS_UNSET:
            return field.default
        if not value.strip():
            raise ValueError("it is empty: give it a value, or unset it")
        if not is_plain(value):
            raise ValueError("text of printable characters, in UTF-8, is expected")
        return value

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
    """files:PATH of the bars of a market outside the US, from TICKSTOCK_FILES_ and its MIC; empty where it is unset.

    Raises:
        ConfigurationError: it does not begin with files:, or holds control characters.
    """
    name = f"TICKSTOCK_FILES_{mic}"
    text = os.environ.get(name, "")
    if text and not (text.strip().startswith("files:") and is_plain(text)):
        raise ConfigurationError(f"{name} {text!r} is not accepted: files:PATH, in printable characters")
    return text.strip()
