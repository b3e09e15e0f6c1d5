"""The outbox and its way into Redis: dispatch, replay, streams, consumers, dead letters.

The contents of events belong in `core.events`; the subject whose change an event reports writes it.
"""
