-- Whether the turn was free; held by the session until it is released, or lost.
SELECT pg_try_advisory_lock(coalesce(%(key)s::bigint, hashtext(%(name)s)))
