-- Events that were not delivered, and what became of them; how often sending was tried is traffic.
SELECT d.event_id, d.channel, d.subject, d.resolution
FROM dead_letters AS d
ORDER BY d.event_id
