"""The numbers of the quality rules, each once: its default, its unit, what is accepted, and what it means.

An equity type's document overrides them under `quality`, by name; `core.quality.type_documents` refuses other names and
values. Applying them to bars belongs in `core.quality.bar_anomalies`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tickstock_dagster.core.errors import BadInputError, choices


@dataclass(frozen=True, slots=True)
class Threshold:
    """One number of a rule.

    Attributes:
        name: under which documents override it.
        default: in force where a type says nothing.
        unit: in words.
        low: the least accepted value.
        high: the greatest accepted value.
        meaning: one sentence for people.
    """

    name: str
    default: float
    unit: str
    low: float
    high: float
    meaning: str

    def accepted(self) -> str:
        """What a document may say, in words."""
        return f"a number from {self.low:g} to {self.high:g} ({self.unit})"


PRICE_MOVE = Threshold(
    "price_move",
    0.20,
    "share of the expected close",
    0.01,
    10.0,
    "A close that differs from the expected one by more than this share is an anomaly.",
)
VOLUME_SPIKE = Threshold(
    "volume_spike", 5.0, "times the expected volume", 1.0, 1_000.0, "A volume above this multiple is an anomaly."
)
VOLUME_DROUGHT = Threshold(
    "volume_drought", 0.2, "times the expected volume", 0.0, 1.0, "A volume below this multiple is an anomaly."
)

THRESHOLDS: dict[str, Threshold] = {one.name: one for one in (PRICE_MOVE, VOLUME_SPIKE, VOLUME_DROUGHT)}
"""Every threshold by its name. A rule that is added states its numbers here."""


def check_overrides(overrides: Mapping[str, float], place: str) -> None:
    """Refuse overrides of thresholds that do not exist or cannot be.

    Args:
        overrides: values by name.
        place: where they stand, for the error: `ETF.quality`.

    Raises:
        BadInputError: an unknown name, or a value outside of what is accepted.
    """
    for name, value in overrides.items():
        if name not in THRESHOLDS:
            raise BadInputError(f"{place}.{name}", value, choices(name, THRESHOLDS))
        known = THRESHOLDS[name]
        if not known.low <= value <= known.high:
            raise BadInputError(f"{place}.{name}", value, known.accepted())


def in_force(overrides: Mapping[str, float]) -> dict[str, float]:
    """Every threshold's value for a type that overrides some, by name."""
    return {name: float(overrides.get(name, known.default)) for name, known in THRESHOLDS.items()}
