INSERT INTO securities (
    name, equity_type, primary_exchange, cik, composite_figi, share_class_figi, delisted_on, updated_at)
VALUES (
    %(name)s, %(equity_type)s, %(primary_exchange)s, %(cik)s, %(composite_figi)s, %(share_class_figi)s,
    %(delisted_on)s, %(now)s)
RETURNING security_id
