"""The jobs that schedules, sensors and the command line launch."""

import dagster as dg

from tickstock_dagster.defs.bars import ohlcv_daily, session_bars
from tickstock_dagster.defs.corporate_actions import corporate_actions

_BARS = dg.AssetSelection.assets(session_bars)

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

us_bar_checks = dg.define_asset_job(
    "us_bar_checks",
    selection=dg.AssetSelection.checks_for_assets(session_bars),
    description="The checks of ohlcv_daily, as it stands now.",
)
