-- Entries of the queue, the most urgent first, and what is over behind them; with the number of all that match.
SELECT q.id, q.dataset, q.kind, q.market, q.source, q.symbol, q.first_session, q.last_session, q.equity_type, q.priority,
    q.status, q.attempts, q.failures, q.max_retries, q.error_class, q.last_error, q.next_attempt_at, q.enqueued_at,
    q.waiting_since, q.lease_holder, q.leased_until, q.run_id, q.finished_at, count(*) OVER () AS matching
FROM processing_queue AS q
WHERE q.enqueued_at IS NOT NULL AND q.status = ANY (%(statuses)s::text[])
    AND coalesce(q.equity_type = %(equity_type)s::text, %(equity_type)s::text IS NULL)
    AND coalesce(q.dataset = %(dataset)s::text, true)
ORDER BY q.waiting_since IS NULL, extract(epoch FROM q.waiting_since) - 900 * q.priority, q.finished_at DESC, q.id
LIMIT %(limit)s
