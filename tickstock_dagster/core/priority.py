"""How urgent work is: one enum for the ledger, for Dagster's queue and for the rules of equity types."""

from enum import StrEnum


class Priority(StrEnum):
    """Urgency of work: `level` 1 is the most urgent; Dagster's queue sorts by `dagster_priority`."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def level(self) -> int:
        """1 (critical) to 4 (low)."""
        return list(Priority).index(self) + 1

    @property
    def dagster_priority(self) -> int:
        """The value of the tag `dagster/priority`: 10, 5, 2 or 1."""
        return (10, 5, 2, 1)[self.level - 1]
