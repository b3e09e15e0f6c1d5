-- The looks that failed last: their days, when, and why.
SELECT u.first_session, u.last_session, max(u.finished_at), min(u.error)
FROM work_units AS u
WHERE u.market = %(market)s AND u.kind IN ('splits', 'dividends') AND u.status IN ('retrying', 'dead')
GROUP BY u.source, u.first_session, u.last_session
