-- Reserves the next free moment of a vendor's rate and returns the seconds until then (0 or less: now).
-- The row lock of the update makes reservations one after the other, whichever process they come from, and all times
-- are this server's. slots holds as many of the last reservations as one window allows, in order: the first of
-- them is the one that must have left the window. A clock set back cannot disturb the order.
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
