-- Printed closes of some securities ($3) and of every security that has held one of some tickers ($4); both lists are
-- separated by commas.
SELECT b.security_id, b.session, b.ticker, b.close::float8 AS close
FROM ohlcv_daily AS b
WHERE b.session BETWEEN $1::date AND $2::date AND NOT b.is_fmv
    AND b.security_id = ANY (ARRAY(
        SELECT unnest(string_to_array($3::text, ','))::bigint
        UNION
        SELECT i.security_id FROM ticker_intervals AS i WHERE i.ticker = ANY (string_to_array($4::text, ','))))
