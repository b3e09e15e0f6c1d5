"""The thresholds in force, of each equity type."""

import sqlalchemy as sa

from tickstock_dagster.adapters.securities.etf_profile_store import ETF_CODES
from tickstock_dagster.core.quality.thresholds import Limits


def thresholds_of(engine: sa.Engine) -> Limits:  # noqa: ARG001  # every type has the defaults today
    """The thresholds by which `core.quality.judging.judge` judges now."""
    return Limits.of_defaults(ETF_CODES)
