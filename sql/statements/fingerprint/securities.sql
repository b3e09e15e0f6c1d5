SELECT *
FROM (
    SELECT coalesce(s.composite_figi, 'ticker:' || (
            SELECT i.ticker FROM ticker_intervals AS i WHERE i.security_id = s.security_id ORDER BY i.valid_from LIMIT 1
        )) COLLATE "C" AS identity,
        s.name, s.equity_type, s.primary_exchange, s.currency, s.cik, s.share_class_figi, s.sic_code, s.sic_description,
        s.sector,
        s.shares_outstanding, s.list_date, s.list_date_source, s.delisted_on, s.etf_type, s.aum_usd,
        s.expense_ratio, s.underlying_index, s.correlation_reference, s.issuer, s.themes,
        s.on_lists
    FROM securities AS s) AS named
ORDER BY identity, named::text COLLATE "C"
