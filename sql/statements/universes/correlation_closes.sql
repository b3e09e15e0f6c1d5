-- Closes of every ETF, and of every security that has held a reference's ticker ($3, separated by commas).
SELECT b.security_id, b.session, b.ticker, b.close::float8 AS close
FROM ohlcv_daily AS b
WHERE b.session BETWEEN $1::date AND $2::date AND NOT b.is_fmv
    AND b.security_id = ANY (ARRAY(
        SELECT security_id FROM securities
        WHERE etf_type IS NOT NULL OR equity_type IN ('ETF', 'ETN', 'ETS', 'ETV')
        UNION
        SELECT i.security_id FROM ticker_intervals AS i
        WHERE i.ticker = ANY (string_to_array($3::text, ',')) OR i.ticker IN (
            SELECT correlation_reference FROM securities)))
