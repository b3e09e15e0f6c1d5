"""The rules by which stored data is judged: each a name, a family, and what it says.

Their thresholds are in `core.quality.thresholds`; the predicates in the modules of the families.
"""

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """What a rule is about."""

    PRICE = "price"
    VOLUME = "volume"
    FRESHNESS = "freshness"
    STRUCTURE = "structure"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: as stored and published.
        family: what it is about.
        title: in words, what it finds.
        unit: of a finding's value and threshold.
    """

    name: str
    family: Family
    title: str
    unit: str


_RULES = (
    Rule("price_move", Family.PRICE, "close far from the previous close", "share of the previous close"),
    Rule("open_gap", Family.PRICE, "open far from the previous close", "share of the previous close"),
    Rule("day_range", Family.PRICE, "high far above the low", "share of the low"),
    Rule("reference_gap", Family.PRICE, "fund far from what it is compared with", "standard deviations"),
    Rule("volume_spike", Family.VOLUME, "volume far above the usual one", "multiple of the expected volume"),
    Rule("volume_drought", Family.VOLUME, "volume far below the usual one", "multiple of the expected volume"),
    Rule("no_volume", Family.VOLUME, "no share traded, though some do on every session", "shares"),
    Rule("data_stale", Family.FRESHNESS, "bars missing on several sessions in a row", "sessions"),
    Rule(
        "bar_order", Family.STRUCTURE, "open, high, low and close contradict one another", "share of the bar's middle"
    ),
    Rule("copied_bar", Family.STRUCTURE, "the bar of another session again", "copies on the session"),
    Rule("frozen_close", Family.STRUCTURE, "the same close too often in a row", "sessions"),
    Rule("scale_break", Family.STRUCTURE, "prices off by a power of ten", "multiple of the previous close"),
    Rule("lone_extreme", Family.STRUCTURE, "a high or low that stands alone", "multiple of the body"),
    Rule("lone_bar", Family.STRUCTURE, "a bar apart from both neighbours", "standard deviations"),
    Rule("off_session", Family.STRUCTURE, "a bar on a day without a session", "bars"),
    Rule("sources_differ", Family.SOURCE, "sources disagree about a bar", "share of the stored value"),
)

RULES = {rule.name: rule for rule in _RULES}
"""Every rule by its name."""
