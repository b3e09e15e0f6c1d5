SELECT stream, consumer_group, entries, first_at, last_at, from_position
FROM stream_alerts
WHERE last_at > %(since)s
ORDER BY stream, consumer_group
