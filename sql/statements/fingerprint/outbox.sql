-- Progress events depend on how a load is cut into batches; they are not facts about the market.
SELECT o.channel, o.subject,
    jsonb_strip_nulls(o.event -> 'data' #- '{run_id}' #- '{started_at}' #- '{finished_at}' #- '{elapsed_seconds}') AS data
FROM outbox AS o
WHERE o.channel NOT IN ('tickstock.jobs.progress', 'tickstock.eod.status')
ORDER BY o.channel COLLATE "C", o.subject COLLATE "C", o.event_id
