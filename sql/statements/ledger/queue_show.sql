SELECT q.id, q.dataset, q.kind, q.market, q.source, q.symbol, q.first_session, q.last_session, q.equity_type, q.priority,
    q.status, q.attempts, q.failures, q.max_retries, q.error_class, q.last_error, q.next_attempt_at, q.enqueued_at,
    q.waiting_since, q.lease_holder, q.leased_until, q.run_id, q.finished_at
FROM processing_queue AS q
WHERE q.id = %(unit_id)s
