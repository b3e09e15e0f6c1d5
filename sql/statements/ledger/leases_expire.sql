-- Free the leases whose time is over, and at once those whose holder gives no sign of life (`postgres/alive_show`).
WITH alive AS MATERIALIZED (
    SELECT l.objid::bigint AS key
    FROM pg_locks AS l
    WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.classid::bigint = %(room)s AND l.granted
        AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())),
lost AS (
    SELECT u.unit_id
    FROM work_units AS u
    WHERE u.status = 'leased' AND (
        u.leased_until <= %(now)s
        OR NOT EXISTS (SELECT FROM alive AS a WHERE a.key = (hashtext(u.lease_holder)::bigint & 4294967295)))
    ORDER BY u.unit_id
    FOR UPDATE SKIP LOCKED)
UPDATE work_units AS u SET status = 'pending', lease_holder = NULL, leased_until = NULL
FROM lost AS l
WHERE u.unit_id = l.unit_id
