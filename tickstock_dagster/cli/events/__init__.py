"""The command `tickstock events`.

What it sends belongs in `adapters.events`.
"""
