"""Calendars in the store: overrides, the copy for readers, the nightly quorum and its witnesses.

Looking up sessions belongs in `core.calendars`.
"""
