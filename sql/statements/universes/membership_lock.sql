-- One revision of memberships at a time, until the end of the transaction; update_etf_universe takes the same lock.
SELECT pg_advisory_xact_lock(hashtext('universe_memberships'))
