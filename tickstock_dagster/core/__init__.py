"""Pure market-data logic: values in, values out. No Dagster, no network, no SQL, no clock, no environment."""
