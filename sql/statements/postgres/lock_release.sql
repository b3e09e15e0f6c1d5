SELECT pg_advisory_unlock(coalesce(%(key)s::bigint, hashtext(%(name)s)))
