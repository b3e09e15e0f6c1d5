-- Lease the most urgent entries that wait, whoever put them into the queue; those that another worker is leasing are passed
-- by. The same formula as `urgency` of core.loading.ledger. A worker's end does not wait for the disk: see ledger/lightly.
WITH free AS (
    SELECT u.unit_id, extract(epoch FROM u.planned_at - timestamptz '2000-01-01 00:00:00+00') - 900 * u.priority AS due
    FROM work_units AS u
    WHERE u.status = 'pending' AND u.enqueued_at IS NOT NULL
        AND u.dataset = ANY (%(datasets)s::text[]) AND u.market = %(market)s AND u.source = %(source)s
    ORDER BY extract(epoch FROM u.planned_at - timestamptz '2000-01-01 00:00:00+00') - 900 * u.priority, u.unit_id
    LIMIT %(limit)s
    FOR UPDATE OF u SKIP LOCKED)
UPDATE work_units AS u SET
    status = 'leased', lease_holder = %(holder)s, leased_until = %(until)s, run_id = %(run_id)s, started_at = %(now)s
FROM free AS f
WHERE u.unit_id = f.unit_id
RETURNING f.due, u.unit_id, u.dataset, u.kind, u.market, u.source, u.subject, u.first_session, u.last_session, u.cells
