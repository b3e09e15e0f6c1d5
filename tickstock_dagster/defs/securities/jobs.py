"""The job of reference data."""

import dagster as dg

from tickstock_dagster.defs.securities.assets import etf_profiles, symbols

reference_refresh = dg.define_asset_job(
    "reference_refresh",
    selection=dg.AssetSelection.assets(symbols, etf_profiles),
    description="Symbol master and ETF facts of chosen sessions: ticker list, details that are due, ETF profiles.",
)
