"""Asset checks of what is stored, and the schedule that evaluates them.

Loading what they miss belongs in `defs.bars`.
"""
