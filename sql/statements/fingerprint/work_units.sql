-- Without priorities: they follow from the types' rules of that day, and from earlier requests.
SELECT u.unit_id, u.kind, u.market, u.source, u.subject, u.first_session, u.last_session, u.status,
    u.attempts, u.cells, u.rows, u.error
FROM work_units AS u
ORDER BY u.unit_id COLLATE "C"
