-- A list without a fact does not remove it.
UPDATE securities SET
    name = coalesce(%(name)s, name), equity_type = coalesce(%(equity_type)s, equity_type),
    primary_exchange = coalesce(%(primary_exchange)s, primary_exchange), cik = coalesce(%(cik)s, cik),
    composite_figi = coalesce(%(composite_figi)s, composite_figi),
    share_class_figi = coalesce(%(share_class_figi)s, share_class_figi), delisted_on = %(delisted_on)s,
    on_lists = true, updated_at = %(now)s
WHERE security_id = %(security_id)s
    AND (name, equity_type, primary_exchange, cik, composite_figi, share_class_figi, delisted_on, on_lists) IS DISTINCT FROM (
        coalesce(%(name)s, name), coalesce(%(equity_type)s, equity_type),
        coalesce(%(primary_exchange)s, primary_exchange), coalesce(%(cik)s, cik),
        coalesce(%(composite_figi)s, composite_figi), coalesce(%(share_class_figi)s, share_class_figi),
        %(delisted_on)s, true)
