"""Assets of bars and what launches them: by session, by session × ticker, the end of the day, the reconcile.

Checks of stored bars belong in `defs.quality`.
"""
