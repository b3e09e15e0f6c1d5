"""The nightly quorum on the calendars and its check.

Partitions made from calendars belong in `defs.partitions`.
"""
