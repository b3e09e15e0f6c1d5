-- Mean scores of a session ($1) by sector, the lowest first.
SELECT s.sector, count(*) AS symbols, avg(r.price_score)::float8 AS price, avg(r.volume_score)::float8 AS volume,
    avg(r.freshness_score)::float8 AS freshness, avg(r.overall_score)::float8 AS overall
FROM quality_reports AS r
JOIN securities AS s USING (security_id)
WHERE r.session = $1::date
GROUP BY s.sector
ORDER BY overall, s.sector
