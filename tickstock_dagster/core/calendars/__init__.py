"""When markets trade: sessions, hours, overrides, the quorum of calendars, and the markets by name.

What is expected of a security on a session belongs in `core.loading`.
"""
