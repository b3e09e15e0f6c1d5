-- Subjects whose details are open in the processing queue, of whatever session.
SELECT DISTINCT u.subject FROM work_units AS u
WHERE u.dataset = 'symbol_details' AND u.market = %(market)s AND u.source = %(source)s AND u.enqueued_at IS NOT NULL
    AND u.status IN ('pending', 'leased', 'retrying')
