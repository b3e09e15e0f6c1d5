"""The seeded synthetic market: real names and calendar, invented prices."""
