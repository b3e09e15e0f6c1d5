SELECT f.ticker, f.session, f.fmv, f.source, f.method, f.reference, f.beta, f.last_session, f.last_close,
    f.sessions_since_print
FROM fair_values AS f
ORDER BY f.ticker COLLATE "C", f.session
