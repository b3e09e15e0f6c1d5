"""The numbers of the quality rules, each once: its default, its unit, what is accepted, and what it means.

An equity type's document overrides them under `quality`, by name; `core.quality.type_documents` refuses other names and
values. Applying them to bars belongs in `core.judging.known_days`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

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
        of_funds: the default of exchange-traded funds, where that is another.
    """

    name: str
    default: float
    unit: str
    low: float
    high: float
    meaning: str
    of_funds: float | None = None

    def accepted(self) -> str:
        """What a document may say, in words."""
        return f"a number from {self.low:g} to {self.high:g} ({self.unit})"


_SHARE, _TIMES, _OWN = "share of the expected price", "times the expected volume", "times its own usual move"

_THRESHOLDS = (
    Threshold("price_move", 0.20, _SHARE, 0.01, 10.0, "A close further from the previous one, actions allowed for."),
    Threshold("open_gap", 0.20, _SHARE, 0.01, 10.0, "An open further from the previous close."),
    Threshold("day_range", 0.20, _SHARE, 0.01, 10.0, "A high further above the low."),
    Threshold("own_volatility", 6.0, _OWN, 1.0, 100.0, "A move that is no larger is the security's own."),
    Threshold("own_range", 6.0, "times its own usual range", 1.0, 100.0, "A range that is no wider is its own."),
    Threshold("traded_up", 3.0, _TIMES, 1.0, 100.0, "So much trading confirms a rise."),
    Threshold("traded_down", 6.0, _TIMES, 1.0, 100.0, "So much trading confirms a fall at the open.", of_funds=2.5),
    Threshold("traded_path", 2.5, _TIMES, 1.0, 100.0, "So much trading confirms a fall during the session."),
    Threshold("split_tolerance", 0.03, "logarithm", 0.001, 0.2, "A move so near n:1 looks like a split."),
    Threshold("reference_gap", 6.0, "standard deviations", 2.0, 100.0, "A fund further from what it is compared with."),
    Threshold("volume_spike", 5.0, _TIMES, 1.0, 1_000.0, "A greater volume, by the minute of trading."),
    Threshold("volume_drought", 0.2, _TIMES, 0.0, 1.0, "A smaller volume, by the minute of trading."),
    Threshold("habit_large", 3.0, "own dispersions", 1.0, 50.0, "A spike within, of what trades 100 million USD.",
              of_funds=3.5),
    Threshold("habit_middle", 3.0, "own dispersions", 1.0, 50.0, "A spike within, of what trades 20 million USD.",
              of_funds=4.5),
    Threshold("habit_small", 5.6, "own dispersions", 1.0, 50.0, "A spike within, of what trades less."),
    Threshold("habit_drought", 3.0, "own dispersions", 1.0, 50.0, "A drought within is its habit."),
    Threshold("known_day", 1.5, _TIMES, 1.0, 100.0, "So much is expected on expiries and index changes."),
    Threshold("long_gap", 1.0, "sessions", 1.0, 250.0, "More sessions in a row without an owed bar."),
    Threshold("stale_minutes", 10.0, "minutes", 1.0, 10_000.0, "Older minute bars are stale during a session."),
    Threshold("gap_hours", 2.0, "hours of trading", 0.1, 24.0, "A longer silence of minute bars is a gap."),
    Threshold("scale", 0.10, "logarithm", 0.001, 0.5, "Prices so near a power of ten off their level are off by it."),
    Threshold("lone_bar", 6.0, _OWN, 2.0, 100.0, "A bar further from both neighbours, which fit one another."),
    Threshold("lone_extreme", 2.718, "times the body", 1.1, 100.0, "A high or low that stands alone so far is wrong."),
    Threshold("frozen_close", 1e-6, "probability", 1e-12, 0.1, "A run of equal closes less likely than this."),
    Threshold("sources_differ", 0.005, _SHARE, 0.0, 1.0, "Two sources' prices of a bar further apart."),
    Threshold("sources_differ_volume", 0.10, _SHARE, 0.0, 10.0, "Two sources' volumes of a bar further apart."),
)  # fmt: skip

THRESHOLDS: dict[str, Threshold] = {one.name: one for one in _THRESHOLDS}
"""Every threshold by its name. A rule that is added states its numbers here."""

PRICE_MOVE, VOLUME_SPIKE, VOLUME_DROUGHT = (
    THRESHOLDS[name] for name in ("price_move", "volume_spike", "volume_drought")
)


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


def in_force(overrides: Mapping[str, float], *, fund: bool = False) -> dict[str, float]:
    """Every threshold's value for a type that overrides some, by name.

    Args:
        overrides: of the type's document.
        fund: the type is one of exchange-traded funds.
    """
    return {
        name: float(overrides.get(name, known.default if known.of_funds is None or not fund else known.of_funds))
        for name, known in THRESHOLDS.items()
    }


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds in force for the rows of a frame with an `equity_type`, as expressions.

    Attributes:
        by_type: every threshold's value by name, by the code of the type.
        otherwise: the same for a type that is not among them, or unknown.
        funds: the codes of types of exchange-traded funds.
    """

    by_type: Mapping[str, Mapping[str, float]]
    otherwise: Mapping[str, float]
    funds: frozenset[str] = frozenset()

    @classmethod
    def of_defaults(cls, funds: Collection[str]) -> "Limits":
        """The defaults; `funds` are the codes of types of exchange-traded funds."""
        return cls({code: in_force({}, fund=True) for code in funds}, in_force({}), frozenset(funds))

    @property
    def defaults(self) -> "Limits":
        """The same types without overrides. What is wrong is wrong by these as well: an override makes suspicious."""
        return Limits({code: in_force({}, fund=code in self.funds) for code in self.by_type}, in_force({}), self.funds)

    def __call__(self, name: str) -> pl.Expr:
        """A threshold, row by row."""
        usual = self.otherwise[name]
        others = {code: values[name] for code, values in self.by_type.items() if values[name] != usual}
        if not others:
            return pl.lit(usual)
        return pl.col("equity_type").replace_strict(others, default=usual, return_dtype=pl.Float64)

    def proven(self, name: str) -> pl.Expr:
        """A threshold row by row, and no less than its default: what a verdict of wrong takes."""
        return pl.max_horizontal(self(name), self.defaults(name))
