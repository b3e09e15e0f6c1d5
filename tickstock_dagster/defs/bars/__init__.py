"""Assets of bars and what launches them: both doors, the end of the day, the reconcile.

Checks of stored bars belong in `defs.quality`.
"""
