-- As listings_lock, but held by the session until listings_release: the vendor is asked meanwhile.
SELECT pg_advisory_lock(hashtext('tickstock listings'))
