-- Events that are facts about the market. How a load went (progress, status, alerts that a later bar made void) is
-- traffic, and so are the counts and times of the moment at which a session or a synchronisation was declared complete.
SELECT *
FROM (
    SELECT o.channel COLLATE "C" AS channel, o.subject COLLATE "C" AS subject,
        jsonb_strip_nulls(CASE o.channel
            WHEN 'tickstock.eod.complete' THEN '{}'
            WHEN 'tickstock.cache.sync_complete' THEN (o.event -> 'data') - '{run_id,started_at,finished_at,tasks}'::text[]
            ELSE (o.event -> 'data') - '{run_id,started_at,finished_at,elapsed_seconds}'::text[] END) AS data
    FROM outbox AS o
    WHERE o.channel NOT IN ('tickstock.jobs.progress', 'tickstock.eod.status')
        AND NOT starts_with(o.channel, 'tickstock.quality.')) AS facts
ORDER BY channel, subject, data::text COLLATE "C"
