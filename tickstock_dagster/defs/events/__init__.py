"""What Dagster does about notifications besides the runs that write them.

The outbox itself belongs in `adapters.events`, what events say in `core.events`.
"""
