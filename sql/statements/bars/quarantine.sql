-- Broken rows, as received; the same row again adds nothing.
INSERT INTO quarantined_bars (ticker, session, security_id, reason, row, source, unit_id, quarantined_at)
SELECT s.ticker, s.session, s.security_id, s.reason, s."row", %(source)s, s.unit_id, %(now)s
FROM stage_rejected AS s
ON CONFLICT ON CONSTRAINT quarantined_bars_once DO NOTHING
