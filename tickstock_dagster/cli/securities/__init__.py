"""The command `tickstock reference`.

What a universe is, and who is in it, belongs in `cli.universes`.
"""
