"""How Dagster starts our runs on one machine: from a warm process. `dagster.yaml` names the two classes.

Only what Dagster's instance loads belongs here; it is imported by the daemon and the webserver, and therefore imports
nothing else of ours. Containers have a launcher of their own (`deploy/dagster.yaml`).
"""
