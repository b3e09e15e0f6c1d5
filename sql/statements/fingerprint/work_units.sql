SELECT u.unit_id, u.kind, u.market, u.source, u.subject, u.first_session, u.last_session, u.priority, u.status,
    u.attempts, u.cells, u.rows, u.error
FROM work_units AS u
ORDER BY u.unit_id COLLATE "C"
