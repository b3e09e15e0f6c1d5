-- Those of some sessions that lie in no loaded span of splits: prices across them may jump without a known reason.
SELECT day.session
FROM unnest(%(sessions)s::date[]) AS day (session)
WHERE NOT EXISTS (
    SELECT FROM work_units AS u
    WHERE u.kind = 'splits' AND u.market = %(market)s AND u.status = 'done'
        AND day.session BETWEEN u.first_session AND u.last_session)
ORDER BY day.session
