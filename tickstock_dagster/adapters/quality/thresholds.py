"""The thresholds in force, of each equity type."""

from collections.abc import Mapping

import sqlalchemy as sa

from tickstock_dagster.adapters.securities.equity_type_store import read_equity_types
from tickstock_dagster.adapters.securities.etf_profile_store import ETF_CODES
from tickstock_dagster.core.judging.thresholds import Limits, in_force
from tickstock_dagster.core.quality.type_validation import OTHER
from tickstock_dagster.core.securities.equity_types import EquityType


def limits_of(types: Mapping[str, EquityType]) -> Limits:
    """The thresholds of some types; a security of another type, or of none, has those of `OTHER`."""
    by_type = {code: in_force(one.quality, fund=code in ETF_CODES) for code, one in types.items()}
    return Limits(by_type, in_force(types[OTHER].quality), frozenset(ETF_CODES))


def thresholds_of(engine: sa.Engine) -> Limits:
    """The thresholds by which `core.judging.judging.judge` judges now: read for each unit of work.

    Raises:
        ServiceUnavailableError: the database cannot be reached.
    """
    return limits_of(read_equity_types(engine))
