-- Staging for quality_reports: the rows of one session, emptied at the end of the transaction.
CREATE TEMP TABLE IF NOT EXISTS stage_quality_reports (
    security_id bigint, ticker text, price_score double precision, volume_score double precision,
    freshness_score double precision, overall_score double precision, explained integer, suspicious integer,
    wrong integer, missing_sessions integer, missing_in_a_row integer, recommendations jsonb
) ON COMMIT DELETE ROWS
