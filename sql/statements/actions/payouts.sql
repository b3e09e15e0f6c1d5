-- Splits and dividends as known now; dividends in other currencies do not adjust a price in dollars.
SELECT security_id, ex_date, (split_from / split_to)::float8 AS split_ratio,
    CASE action WHEN 'dividend' THEN cash_amount::float8 END AS cash, close_before::float8 AS close_before
FROM corporate_actions
WHERE known_to IS NULL AND ex_date BETWEEN $1::date AND $2::date AND (action = 'split' OR currency = 'USD')
