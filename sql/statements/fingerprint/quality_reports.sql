SELECT r.session, r.ticker, r.price_score, r.volume_score, r.freshness_score, r.overall_score, r.explained, r.suspicious,
    r.wrong, r.missing_sessions, r.missing_in_a_row, r.recommendations
FROM quality_reports AS r
ORDER BY r.session, r.ticker COLLATE "C"
