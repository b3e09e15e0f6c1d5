"""One run of an asset about universes: its store and its sessions. It makes no vendor call.

What a task proposes and what is applied belong in `core` and `adapters`.
"""

from dataclasses import dataclass

from tickstock_dagster.adapters.universes.seeding import release_seeds, seed_universes
from tickstock_dagster.defs.runs import StoreRun, failures


@dataclass(frozen=True, slots=True)
class UniverseRun(StoreRun):
    """One run of an asset about universes."""

    def ensure_universes(self) -> None:
        """Create the universes of the release that are missing; seeds of themes join once their ticker is known.

        Raises:
            Failure: the store cannot be reached.
        """
        with failures():
            seed_universes(self.engine, release_seeds(), run_id=self.run_id, now=self.started_at)
