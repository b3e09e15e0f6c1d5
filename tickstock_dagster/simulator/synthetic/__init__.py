"""The seeded synthetic market: real names and calendar, made-up prices."""
