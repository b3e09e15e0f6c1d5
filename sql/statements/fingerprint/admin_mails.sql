-- Of which events somebody is told by mail; how often that was tried is traffic.
SELECT m.event_id FROM admin_mails AS m ORDER BY m.event_id
