"""The outbox and its way into Redis: dispatch, replay, streams, consumers, dead letters.

What events say belongs in `core.events`; each is written by the subject whose change it reports.
"""
