"""The sensor that sends notifications which runs could not send.

The outbox belongs in `adapters.events`, the data of events in `core.events`.
"""
