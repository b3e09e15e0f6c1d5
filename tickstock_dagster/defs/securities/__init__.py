"""Reference assets: the symbol master and facts about ETFs.

Universes made of them belong in `defs.universes`.
"""
