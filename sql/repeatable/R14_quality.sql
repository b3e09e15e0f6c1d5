-- Setting stored bars aside that are judged wrong, and the scores of each session at a glance.

-- The writer may not delete bars; this function moves them into quarantined_bars, every column of them, and leaves their
-- cells owed. Only the very bar that was judged is moved: where another one has been stored meanwhile, that one stays.
-- bars: open, high, low, close and volume of each as they were judged; a field that is left out is not compared.
CREATE OR REPLACE FUNCTION set_bars_aside(
    ids bigint[], days date[], why text[], bars jsonb[], run text, judged timestamptz, retry timestamptz[]
) RETURNS TABLE (security_id bigint, session date)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tickstock bars'));
    -- A market's latest session that is emptied takes the actions with it that came into effect on it: then all factors
    -- are rebuilt. Otherwise those are that depend on the bars.
    IF NOT EXISTS (
        SELECT FROM (
            SELECT d.day, adjusts_with(s.primary_exchange) AS market, array_agg(s.security_id) AS wanted
            FROM unnest(ids, days) AS d (id, day)
            JOIN securities AS s ON s.security_id = d.id
            GROUP BY 1, 2) AS g
        WHERE NOT EXISTS (
            SELECT FROM ohlcv_daily AS b
            JOIN securities AS o USING (security_id)
            WHERE b.session = g.day AND b.security_id <> ALL (g.wanted)
                AND adjusts_with(o.primary_exchange) IS NOT DISTINCT FROM g.market))
    THEN
        PERFORM set_config('tickstock.adjusts', 'on', true);
    END IF;
    RETURN QUERY
    WITH wanted AS (
        SELECT w.security_id, w.session, w.why, w.retry, (w.bar ->> 'open')::float8 AS open,
            (w.bar ->> 'high')::float8 AS high, (w.bar ->> 'low')::float8 AS low, (w.bar ->> 'close')::float8 AS close,
            (w.bar ->> 'volume')::float8 AS volume
        FROM unnest(ids, days, why, retry, bars) AS w (security_id, session, why, retry, bar)
    ), removed AS (
        DELETE FROM ohlcv_daily AS b USING wanted AS w
        WHERE (b.security_id, b.session) = (w.security_id, w.session) AND NOT b.is_fmv
            -- Judged were the floats next to the stored decimals.
            AND b.open::float8 = coalesce(w.open, b.open::float8) AND b.high::float8 = coalesce(w.high, b.high::float8)
            AND b.low::float8 = coalesce(w.low, b.low::float8) AND b.close::float8 = coalesce(w.close, b.close::float8)
            AND b.volume::float8 = coalesce(w.volume, b.volume::float8)
        RETURNING to_jsonb(b.*) AS bar, b.security_id, b.session, b.ticker, b.source, w.why, w.retry
    ), kept AS (
        INSERT INTO quarantined_bars AS q (
            ticker, session, security_id, reason, row, source, unit_id, quarantined_at, held)
        SELECT r.ticker, r.session, r.security_id, r.why, r.bar, r.source, run, judged, true
        FROM removed AS r
        ON CONFLICT ON CONSTRAINT quarantined_bars_once DO UPDATE SET
            reason = EXCLUDED.reason, quarantined_at = EXCLUDED.quarantined_at, held = true, resolved_at = NULL
    ), owed AS (
        INSERT INTO bar_gaps AS g (security_id, session, ticker, reason, evidence, source, noticed_at, retry_at)
        SELECT r.security_id, r.session, r.ticker, 'quarantined', 'its bar was judged wrong: ' || r.why, r.source, judged,
            r.retry
        FROM removed AS r
        ON CONFLICT (security_id, session) DO UPDATE SET
            reason = EXCLUDED.reason, evidence = EXCLUDED.evidence, noticed_at = EXCLUDED.noticed_at,
            retry_at = EXCLUDED.retry_at
    )
    SELECT r.security_id, r.session FROM removed AS r;
    PERFORM adjust_after_bars(ids, (SELECT min(d) FROM unnest(days) AS d), (SELECT max(d) FROM unnest(days) AS d));
END
$$;

CREATE OR REPLACE VIEW quality_summary AS
SELECT r.session, count(*) AS symbols,
    avg(r.price_score) AS price_score, avg(r.volume_score) AS volume_score, avg(r.freshness_score) AS freshness_score,
    avg(r.overall_score) AS overall_score, min(r.overall_score) AS worst_score,
    sum(r.explained) AS explained, sum(r.suspicious) AS suspicious, sum(r.wrong) AS wrong,
    count(*) FILTER (WHERE r.missing_in_a_row > 0) AS missing, max(r.reported_at) AS reported_at
FROM quality_reports AS r
GROUP BY r.session;

REVOKE EXECUTE ON FUNCTION set_bars_aside(bigint[], date[], text[], jsonb[], text, timestamptz, timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_bars_aside(bigint[], date[], text[], jsonb[], text, timestamptz, timestamptz[]) TO tickstock_writer;
GRANT SELECT ON quality_summary TO tickstock_writer, tickstock_app;
COMMENT ON FUNCTION set_bars_aside(bigint[], date[], text[], jsonb[], text, timestamptz, timestamptz[]) IS 'Moves bars that were judged wrong, and not replaced since, from ohlcv_daily into quarantined_bars, held; their cells become open gaps. Returns those moved.';
COMMENT ON VIEW quality_summary IS 'The scores of each session at a glance, from quality_reports.';
COMMENT ON COLUMN quality_summary.session IS 'The session.';
COMMENT ON COLUMN quality_summary.symbols IS 'Symbols with a report.';
COMMENT ON COLUMN quality_summary.price_score IS 'Mean of their price scores, 0 to 100.';
COMMENT ON COLUMN quality_summary.volume_score IS 'Mean of their volume scores.';
COMMENT ON COLUMN quality_summary.freshness_score IS 'Mean of their freshness scores.';
COMMENT ON COLUMN quality_summary.overall_score IS 'Mean of their overall scores.';
COMMENT ON COLUMN quality_summary.worst_score IS 'The lowest overall score.';
COMMENT ON COLUMN quality_summary.explained IS 'Findings that are explained.';
COMMENT ON COLUMN quality_summary.suspicious IS 'Findings that are suspicious.';
COMMENT ON COLUMN quality_summary.wrong IS 'Findings that are wrong.';
COMMENT ON COLUMN quality_summary.missing IS 'Symbols whose bar of the session is owed.';
COMMENT ON COLUMN quality_summary.reported_at IS 'As of when.';
