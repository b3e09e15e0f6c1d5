-- One process mails at a time; the end of the transaction gives the lock back.
SELECT pg_try_advisory_xact_lock(%(key)s)
