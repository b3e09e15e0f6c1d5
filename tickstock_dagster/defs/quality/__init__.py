"""Asset checks of what is stored, and the schedule that evaluates them.

Loading missing bars belongs in `defs.bars`.
"""
