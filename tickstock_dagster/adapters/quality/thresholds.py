"""The thresholds in force, of each equity type."""

import sqlalchemy as sa

_DEFAULTS: object = None


def thresholds_of(engine: sa.Engine) -> object:  # noqa: ARG001  # every type has the defaults today
    """The thresholds by which `core.quality.judging.judge` judges now; None: the defaults of its rules."""
    return _DEFAULTS
