-- Of some units those that a holder still leases. Locks them: no other worker takes them over until the end of the transaction.
SELECT unit_id FROM work_units
WHERE unit_id = ANY (%(unit_ids)s::text[]) AND status = 'leased' AND lease_holder = %(holder)s
ORDER BY unit_id
FOR UPDATE
