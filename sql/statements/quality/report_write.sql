-- A session's reports, as of now.
INSERT INTO quality_reports (
    session, security_id, ticker, price_score, volume_score, freshness_score, overall_score, explained, suspicious, wrong,
    missing_sessions, missing_in_a_row, recommendations, reported_at, run_id)
SELECT %(session)s, s.security_id, s.ticker, s.price_score, s.volume_score, s.freshness_score, s.overall_score,
    s.explained, s.suspicious, s.wrong, s.missing_sessions, s.missing_in_a_row,
    ARRAY(SELECT r.words FROM jsonb_array_elements_text(s.recommendations) WITH ORDINALITY AS r (words, place)
        ORDER BY r.place), %(now)s, %(run_id)s
FROM stage_quality_reports AS s
ON CONFLICT (session, security_id) DO UPDATE SET
    ticker = EXCLUDED.ticker, price_score = EXCLUDED.price_score, volume_score = EXCLUDED.volume_score,
    freshness_score = EXCLUDED.freshness_score, overall_score = EXCLUDED.overall_score, explained = EXCLUDED.explained,
    suspicious = EXCLUDED.suspicious, wrong = EXCLUDED.wrong, missing_sessions = EXCLUDED.missing_sessions,
    missing_in_a_row = EXCLUDED.missing_in_a_row, recommendations = EXCLUDED.recommendations,
    reported_at = EXCLUDED.reported_at, run_id = EXCLUDED.run_id
