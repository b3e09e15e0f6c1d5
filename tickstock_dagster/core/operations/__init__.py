"""Running the factory: when maintenance is due, retention, and mails to administrators.

Checks of the data belong in `core.quality`.
"""
