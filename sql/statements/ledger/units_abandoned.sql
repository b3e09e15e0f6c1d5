-- Units of no job that wait for runs which have ended: what is owed is planned again, under these ids or others. Entries of
-- the processing queue wait for no run.
SELECT u.unit_id
FROM work_units AS u
WHERE u.status = 'pending' AND u.job IS NULL AND u.enqueued_at IS NULL AND u.dataset = %(dataset)s AND u.market = %(market)s
    AND u.source = %(source)s AND u.unit_id <> ALL (%(unit_ids)s::text[])
    AND (hashtext(u.run_id)::bigint & 4294967295) NOT IN (
        SELECT l.objid::bigint
        FROM pg_locks AS l
        WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid::bigint = %(room)s AND l.granted
            AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
