"""The Dagster shell: assets, checks, partitions, schedules, sensors and resources; decisions live in `core`."""
