"""How other programs learn of the services: the environment of Dagster processes, and the `.env` file."""

import os
import re
from pathlib import Path

from tickstock_dagster.adapters.services.addresses import ServiceAddresses
from tickstock_dagster.adapters.services.state import write_private
from tickstock_dagster.settings import DAGSTER_SWITCHES, PROJECT_ROOT, Settings

DOTENV_MARKER = "# written by tickstock services up"
SIMULATOR_KEY = "simulator"
VARIABLES = {
    "TICKSTOCK_DATABASE_URL": "database_url",
    "TICKSTOCK_DAGSTER_STORAGE_URL": "dagster_storage_url",
    "TICKSTOCK_REDIS_URL": "redis_url",
    "MASSIVE_BASE_URL": "simulator_url",
}
"""Variable to field of `ServiceAddresses`."""


def process_environment(addresses: ServiceAddresses, settings: Settings) -> dict[str, str]:
    """The whole environment for a Dagster process: our own, overridden by every address and both switches.

    BEWARE: the `dagster` command reads the `.env` of its working directory, which overrides its environment.
    """
    urls = {name: getattr(addresses, field) for name, field in VARIABLES.items()}
    vendor = {"MASSIVE_API_KEY": SIMULATOR_KEY} if addresses.simulator_url else {}
    return {**os.environ, **{name: url for name, url in urls.items() if url}, **vendor, **_dagster(settings)}


def write_dotenv(root: Path, addresses: ServiceAddresses, settings: Settings) -> bool:
    """Write `root/.env`, with which a plain `dagster dev` finds the embedded services.

    Only embedded addresses are written: `.env` overrides the environment of `dagster`, and configured addresses must
    neither be overridden by a file nor copied into one. A file without our marker line is the user's own and stays; so
    does one that names another state folder, unless ours is the checkout's default.

    Returns:
        Whether the file was written (mode 0600). False: it was up to date, or is not ours to write.
    """
    path = root / ".env"
    variables = {
        name: getattr(addresses, field) for name, field in VARIABLES.items() if field in addresses.embedded
    } | _dagster(settings)
    if "simulator_url" in addresses.embedded:
        variables["MASSIVE_API_KEY"] = SIMULATOR_KEY
    lines = [DOTENV_MARKER, *(f"{name}={_quoted(value)}" for name, value in variables.items())]
    text = "\n".join(lines) + "\n"
    if path.exists():
        present = path.read_text(encoding="utf-8", errors="replace")  # one that is not UTF-8 is not ours either
        state_line = f"TICKSTOCK_STATE_DIR={_quoted(variables['TICKSTOCK_STATE_DIR'])}"
        is_ours = DOTENV_MARKER in present.splitlines()
        is_default = _state_dir(settings) == (root / ".tickstock").resolve()
        if present == text or not is_ours or not (is_default or state_line in present.splitlines()):
            return False
    write_private(path, text)
    return True


def _dagster(settings: Settings) -> dict[str, str]:
    state_dir = _state_dir(settings)
    return {
        "TICKSTOCK_STATE_DIR": str(state_dir),
        "TICKSTOCK_DAGSTER_DIR": str(state_dir / "dagster"),
        "DAGSTER_HOME": _dagster_home(),
        **DAGSTER_SWITCHES,
    }


def _dagster_home() -> str:
    """The checkout, whatever another project set in the environment; an installed package relies on the environment."""
    is_checkout = (PROJECT_ROOT / "dagster.yaml").is_file()
    return str(PROJECT_ROOT) if is_checkout else os.environ.get("DAGSTER_HOME", str(PROJECT_ROOT))


def _state_dir(settings: Settings) -> Path:
    return settings.state_dir.expanduser().resolve()


def _quoted(value: str) -> str:
    if re.fullmatch(r"[\w./:@+-]*", value, re.ASCII):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
