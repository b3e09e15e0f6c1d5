-- Which of some sessions lie in no span whose splits were asked for: prices across them may jump without a reason known.
SELECT day.session
FROM unnest(%(sessions)s::date[]) AS day (session)
WHERE NOT EXISTS (
    SELECT FROM work_units AS u
    WHERE u.kind = 'splits' AND u.market = %(market)s AND u.status = 'done'
        AND day.session BETWEEN u.first_session AND u.last_session)
ORDER BY day.session
