-- Facts of some securities ($1, separated by commas): type, sector, the holder of the ticker that they are compared with,
-- and the names by which a fund's home market is known.
SELECT s.security_id, s.equity_type, s.sector, r.security_id AS reference, s.etf_type, s.name, s.underlying_index
FROM securities AS s
LEFT JOIN LATERAL newest_holder(s.correlation_reference) AS r ON s.correlation_reference IS NOT NULL
WHERE s.security_id = ANY (string_to_array($1::text, ',')::bigint[])
