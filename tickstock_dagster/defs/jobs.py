"""The jobs that schedules, sensors and the command line launch."""

import dagster as dg

from tickstock_dagster.defs.actions.assets import corporate_actions
from tickstock_dagster.defs.bars.assets import ohlcv_daily, session_bars
from tickstock_dagster.defs.securities.assets import etf_profiles, symbols
from tickstock_dagster.defs.universes.assets import etf_universe, membership
from tickstock_dagster.defs.universes.correlations import correlations
from tickstock_dagster.defs.universes.synchronisation import GROUP
from tickstock_dagster.defs.valuation.assets import fair_values

us_eod = dg.define_asset_job(
    "us_eod",
    selection=dg.AssetSelection.assets(session_bars, corporate_actions)
    | dg.AssetSelection.checks_for_assets(session_bars),
    description="One session, or a range of them, for everything tracked: bars, corporate actions, checks.",
)

us_symbols = dg.define_asset_job(
    "us_symbols",
    selection=dg.AssetSelection.assets(ohlcv_daily),
    description="Chosen tickers on chosen sessions; what is stored costs no call.",
)

us_actions = dg.define_asset_job(
    "us_actions",
    selection=dg.AssetSelection.assets(corporate_actions),
    description="Splits and dividends of chosen sessions, for everybody: two questions, asked once.",
)

us_fair_values = dg.define_asset_job(
    "us_fair_values",
    selection=dg.AssetSelection.assets(fair_values),
    description="Fair market values of chosen sessions, for whatever did not trade on them.",
)

us_bar_checks = dg.define_asset_job(
    "us_bar_checks",
    selection=dg.AssetSelection.checks_for_assets(session_bars),
    description="The checks of ohlcv_daily, as it stands now.",
)

# In one process, like every job. Measured with 4,285 symbols on two busy cores, the five tasks and their application:
# 3.0 and 6.7 s in one process; 9.7 and 14.7 s with a process for each (forkserver, preloaded). The tasks take 0.7 s
# together (market caps 0.35 s, the others 0.1 s each) and applying them 0.2 s; the rest is Dagster's. And a run that is
# killed leaves no task behind that goes on.
universe_sync = dg.define_asset_job(
    "universe_sync",
    selection=dg.AssetSelection.assets(symbols, etf_profiles, correlations) | dg.AssetSelection.groups(GROUP),
    description="A session's universes: reference data, five tasks, all of it applied at once; correlations.",
)

universe_themes = dg.define_asset_job(
    "universe_themes",
    selection=dg.AssetSelection.assets(etf_universe),
    description="The ETF themes on chosen sessions, as determined.",
)

universe_membership = dg.define_asset_job(
    "universe_membership",
    selection=dg.AssetSelection.assets(membership),
    description="Every universe on chosen sessions, as determined.",
)
