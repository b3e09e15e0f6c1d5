"""When markets trade: sessions, hours, overrides, the quorum of calendars, and the markets by name.

Which bars are expected on a session belongs in `core.loading`.
"""
