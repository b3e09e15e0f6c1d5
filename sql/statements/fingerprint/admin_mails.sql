-- The events that are mailed; how often sending was tried is traffic.
SELECT m.event_id FROM admin_mails AS m ORDER BY m.event_id
