-- Waits for the lock; released at the end of the transaction.
SELECT pg_advisory_xact_lock(coalesce(%(key)s::bigint, hashtext(%(name)s)))
