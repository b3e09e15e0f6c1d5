"""The outside world: vendor, warehouse, Redis, local services. No Dagster import; plain values as configuration."""
