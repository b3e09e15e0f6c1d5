"""TickStock's end-of-day market-data factory: Dagster assets over a pure core and thin adapters."""
