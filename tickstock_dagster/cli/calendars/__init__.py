"""The command `tickstock calendar`.

What it changes belongs in `adapters.calendars`.
"""
