-- Whether the lock was free; the session keeps it until it releases it or ends.
SELECT pg_try_advisory_lock(coalesce(%(key)s::bigint, hashtext(%(name)s)))
