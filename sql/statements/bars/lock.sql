-- One writer of bars at a time: two loads of the same cells would lock rows in different orders and wait for each other
-- for good. Given back at the end of the transaction.
SELECT pg_advisory_xact_lock(hashtext('tickstock bars'))
