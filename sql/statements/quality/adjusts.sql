-- Whoever writes a bar says so, and runs bars/adjust afterwards.
SET LOCAL tickstock.adjusts = on
