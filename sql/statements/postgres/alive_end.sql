SELECT pg_advisory_unlock_shared(%(room)s, hashtext(%(name)s))
