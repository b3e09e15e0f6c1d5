"""Corporate actions in the store: loading them in versions, and reading the inputs of returns.

Bars belong in `adapters.bars`.
"""
