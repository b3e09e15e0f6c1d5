INSERT INTO vendor_calls (called_at, source, endpoint, status, rows, elapsed_ms, attempt, outcome, run_id)
VALUES (to_timestamp(%(called_at)s), %(source)s, %(endpoint)s, %(status)s, %(rows)s, %(elapsed_ms)s, %(attempt)s,
    %(outcome)s, %(run_id)s)
