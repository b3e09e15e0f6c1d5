-- Reserves the next free moment of a vendor's rate: the seconds until then (0 or less: now), and whether the
-- reservations had to begin again.
-- The update's row lock puts the reservations of all processes in one order, and all times are this server's. slots
-- holds as many of the last reservations as one window allows, in order: the first one must have left the window. A
-- clock that is set back cannot disturb the order; where it puts the last reservation further ahead than any queue
-- reaches, the reservations begin again, a whole window from now, since the calls of the last one are unknown.
INSERT INTO vendor_rate_limits AS stored (bucket, slots)
VALUES (%(bucket)s, ARRAY[clock_timestamp()])
ON CONFLICT (bucket) DO UPDATE SET slots = CASE
    WHEN
        stored.slots[cardinality(stored.slots)]
        > clock_timestamp() + make_interval(secs => %(longest_seconds)s)
        THEN ARRAY[clock_timestamp() + make_interval(secs => %(window_seconds)s)]
    ELSE (
        stored.slots || greatest(
            clock_timestamp(),
            stored.slots[cardinality(stored.slots)],
            stored.slots[cardinality(stored.slots) - %(calls)s + 1] + make_interval(secs => %(window_seconds)s)
        )
    )[cardinality(stored.slots) - %(calls)s + 2 :]
END
RETURNING
    extract(EPOCH FROM slots[cardinality(slots)] - clock_timestamp())::float8,
    %(calls)s > 1 AND cardinality(slots) = 1 AND slots[1] > clock_timestamp()
