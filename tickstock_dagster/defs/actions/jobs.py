"""The job of splits and dividends."""

import dagster as dg

from tickstock_dagster.defs.actions.assets import corporate_actions

us_actions = dg.define_asset_job(
    "us_actions",
    selection=dg.AssetSelection.assets(corporate_actions),
    description="Splits and dividends of chosen sessions, for all securities: one query of the vendor for each kind.",
)
