"""Commands that load and show bars: run, load, plan, eod, status.

Commands about universes belong in `cli.universes`.
"""
