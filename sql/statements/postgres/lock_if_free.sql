-- Whether the lock was free; released at the end of the transaction.
SELECT pg_try_advisory_xact_lock(coalesce(%(key)s::bigint, hashtext(%(name)s)))
