"""Corporate actions in the store: loading them in versions, and reading what returns are made of.

Bars belong in `adapters.bars`.
"""
