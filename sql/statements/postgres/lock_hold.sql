-- Waits for the lock; the session keeps it until it releases it or ends.
SELECT pg_advisory_lock(coalesce(%(key)s::bigint, hashtext(%(name)s)))
