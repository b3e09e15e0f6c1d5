-- Consumer groups that lost entries; when and how many is traffic.
SELECT a.stream, a.consumer_group
FROM stream_alerts AS a
ORDER BY a.stream COLLATE "C", a.consumer_group COLLATE "C"
