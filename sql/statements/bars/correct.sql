-- Overwrite the stored bars that this batch changes, and keep their former values. One statement over locked rows, so
-- that the kept values are the overwritten ones. Unchanged rows are not touched; final never becomes provisional again.
-- A row that only becomes final changes its status alone: its values date from their load. The batch's securities and
-- span keep the plan from reading the whole history, and on TimescaleDB all of its chunks.
WITH changed AS (
    SELECT
        s.*, h.closes_at,
        b.open AS old_open, b.high AS old_high, b.low AS old_low, b.close AS old_close, b.volume AS old_volume,
        b.vwap AS old_vwap, b.transactions AS old_transactions, b.fmv AS old_fmv, b.is_fmv AS old_is_fmv,
        b.source AS old_source, b.status AS old_status, b.loaded_at AS old_loaded_at,
        b.volume_printed AS old_volume_printed,
        (b.open, b.high, b.low, b.close, b.volume, b.volume_printed, b.vwap, b.transactions, b.is_fmv)
            IS DISTINCT FROM (s.open, s.high, s.low, s.close, s.volume, s.volume_printed, s.vwap, s.transactions, false)
            AS restated
    FROM stage_bars AS s
    JOIN unnest(%(sessions)s::date[], %(closes)s::timestamptz[]) AS h (session, closes_at) USING (session)
    JOIN ohlcv_daily AS b USING (security_id, session)
    WHERE b.security_id = ANY (%(security_ids)s::bigint[]) AND b.session BETWEEN %(first)s AND %(last)s
        AND ((b.open, b.high, b.low, b.close, b.volume, b.volume_printed, b.vwap, b.transactions, b.is_fmv)
                IS DISTINCT FROM
                (s.open, s.high, s.low, s.close, s.volume, s.volume_printed, s.vwap, s.transactions, false)
            OR (b.status = 'provisional' AND s.status = 'final'))
    FOR UPDATE OF b
), kept AS (
    INSERT INTO bar_restatements (
        security_id, session, changed, old_open, old_high, old_low, old_close, old_volume, old_vwap,
        old_transactions, old_fmv, old_is_fmv, old_source, old_status, known_from, known_to, old_volume_printed)
    SELECT
        c.security_id, c.session,
        array_remove(ARRAY[
            CASE WHEN c.old_open IS DISTINCT FROM c.open THEN 'open' END,
            CASE WHEN c.old_high IS DISTINCT FROM c.high THEN 'high' END,
            CASE WHEN c.old_low IS DISTINCT FROM c.low THEN 'low' END,
            CASE WHEN c.old_close IS DISTINCT FROM c.close THEN 'close' END,
            CASE WHEN (c.old_volume, c.old_volume_printed) IS DISTINCT FROM (c.volume, c.volume_printed)
                THEN 'volume' END,
            CASE WHEN c.old_vwap IS DISTINCT FROM c.vwap THEN 'vwap' END,
            CASE WHEN c.old_transactions IS DISTINCT FROM c.transactions THEN 'transactions' END,
            CASE WHEN c.old_is_fmv THEN 'is_fmv' END], NULL),
        c.old_open, c.old_high, c.old_low, c.old_close, c.old_volume, c.old_vwap, c.old_transactions, c.old_fmv,
        c.old_is_fmv, c.old_source, c.old_status, c.old_loaded_at, %(now)s, c.old_volume_printed
    FROM changed AS c
    WHERE c.restated
    RETURNING restatement_id
), written AS (
    UPDATE ohlcv_daily AS b SET
        ticker = c.ticker, closes_at = c.closes_at, open = c.open, high = c.high, low = c.low, close = c.close,
        volume = c.volume, volume_printed = c.volume_printed, vwap = c.vwap, transactions = c.transactions, fmv = NULL, is_fmv = false,
        source = CASE WHEN c.restated THEN %(source)s ELSE b.source END,
        status = CASE WHEN b.status = 'final' THEN 'final' ELSE c.status END,
        loaded_at = CASE WHEN c.restated THEN %(now)s ELSE b.loaded_at END
    FROM changed AS c
    WHERE (b.security_id, b.session) = (c.security_id, c.session)
        AND b.security_id = ANY (%(security_ids)s::bigint[]) AND b.session BETWEEN %(first)s AND %(last)s
)
SELECT count(*) FROM kept
