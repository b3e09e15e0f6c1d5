-- Histories are read, changed and written back: one at a time. Given back at the end of the transaction.
SELECT pg_advisory_xact_lock(hashtext('tickstock listings'))
