-- Waits for its turn; held by the session until it is released, or lost.
SELECT pg_advisory_lock(coalesce(%(key)s::bigint, hashtext(%(name)s)))
