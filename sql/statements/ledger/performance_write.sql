INSERT INTO processing_performance AS p (
    day, equity_type, units, symbols, rows, dead, p50_ms, p95_ms, success_rate, target_ms, target_success_rate, breached,
    measured_at)
VALUES (%(day)s, %(equity_type)s, %(units)s, %(symbols)s, %(rows)s, %(dead)s, %(p50_ms)s, %(p95_ms)s, %(success_rate)s,
    %(target_ms)s, %(target_success_rate)s, %(breached)s, %(now)s)
ON CONFLICT (day, equity_type) DO UPDATE SET
    units = EXCLUDED.units, symbols = EXCLUDED.symbols, rows = EXCLUDED.rows, dead = EXCLUDED.dead,
    p50_ms = EXCLUDED.p50_ms, p95_ms = EXCLUDED.p95_ms, success_rate = EXCLUDED.success_rate,
    target_ms = EXCLUDED.target_ms, target_success_rate = EXCLUDED.target_success_rate, breached = EXCLUDED.breached,
    measured_at = EXCLUDED.measured_at
WHERE (p.units, p.symbols, p.rows, p.dead, p.p50_ms, p.p95_ms, p.success_rate, p.target_ms, p.target_success_rate)
    IS DISTINCT FROM (EXCLUDED.units, EXCLUDED.symbols, EXCLUDED.rows, EXCLUDED.dead, EXCLUDED.p50_ms, EXCLUDED.p95_ms,
        EXCLUDED.success_rate, EXCLUDED.target_ms, EXCLUDED.target_success_rate)
