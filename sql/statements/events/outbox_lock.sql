-- One dispatcher at a time per database; a lost session gives the lock back.
SELECT pg_try_advisory_lock(%(key)s)
