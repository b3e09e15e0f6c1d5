SELECT pg_advisory_unlock(hashtext('tickstock listings'))
