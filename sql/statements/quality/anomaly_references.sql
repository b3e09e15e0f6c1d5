-- The facts that determine the references of some securities.
SELECT security_id, correlation_reference::text AS correlation_reference, sector
FROM securities
WHERE security_id = ANY (%(security_ids)s::bigint[])
