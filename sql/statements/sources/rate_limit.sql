-- Reserves the next free moment of a vendor's rate and returns the seconds until then (0 or less: now).
-- The update's row lock puts the reservations of all processes in one order, and all times are this server's. slots
-- holds as many of the last reservations as one window allows, in order: the first one must have left the window. A
-- clock that is set back cannot disturb the order.
INSERT INTO vendor_rate_limits AS stored (bucket, slots)
VALUES (%(bucket)s, ARRAY[clock_timestamp()])
ON CONFLICT (bucket) DO UPDATE SET slots = (
    stored.slots || greatest(
        clock_timestamp(),
        stored.slots[cardinality(stored.slots)],
        stored.slots[cardinality(stored.slots) - %(calls)s + 1] + make_interval(secs => %(window_seconds)s)
    )
)[cardinality(stored.slots) - %(calls)s + 2 :]
RETURNING extract(epoch FROM slots[cardinality(slots)] - clock_timestamp())::float8
