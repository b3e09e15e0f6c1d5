"""The jobs of universes: synchronisation, the grids of themes and of universes, correlations."""

import dagster as dg

from tickstock_dagster.defs.securities.assets import etf_profiles, symbols
from tickstock_dagster.defs.universes.assets import etf_universe, membership
from tickstock_dagster.defs.universes.correlations import correlations
from tickstock_dagster.defs.universes.synchronisation import GROUP

# In one process, like every job. Measured with 4,285 symbols on two busy cores, the five tasks and their application:
# 3.0 and 6.7 s in one process; 9.7 and 14.7 s with a process for each (forkserver, preloaded). The tasks take 0.7 s
# together (market caps 0.35 s, the others 0.1 s each) and applying them 0.2 s; the rest is Dagster's own work. And a
# killed run leaves no task running.
universe_sync = dg.define_asset_job(
    "universe_sync",
    selection=dg.AssetSelection.assets(symbols, etf_profiles, correlations) | dg.AssetSelection.groups(GROUP),
    description="Synchronises a session's universes: reference data, five tasks, applying them at once; correlations.",
)

universe_themes = dg.define_asset_job(
    "universe_themes",
    selection=dg.AssetSelection.assets(etf_universe),
    description="Reports the ETF themes on chosen sessions, and determines those that never were.",
)

universe_membership = dg.define_asset_job(
    "universe_membership",
    selection=dg.AssetSelection.assets(membership),
    description="Reports every universe on chosen sessions, and determines those that never were.",
)

universe_correlations = dg.define_asset_job(
    "universe_correlations",
    selection=dg.AssetSelection.assets(correlations),
    description="Correlations of ETFs on chosen sessions.",
)
