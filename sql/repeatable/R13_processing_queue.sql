-- The ledger under the name and the columns of a queue. The same terms as `RetryTerms` of core.loading.ledger, and the same
-- urgency as its `urgency`.
CREATE OR REPLACE VIEW processing_queue AS
SELECT
    u.unit_id AS id,
    u.dataset,
    u.kind,
    u.market,
    u.source,
    u.subject AS symbol,
    u.first_session,
    u.last_session,
    u.equity_type,
    u.priority,
    CASE WHEN u.priority >= 10 THEN 1 WHEN u.priority >= 5 THEN 2 WHEN u.priority >= 2 THEN 3 ELSE 4 END AS priority_level,
    u.status,
    u.attempts,
    u.failures,
    coalesce((t.retry_config ->> 'max_retries')::integer, 4) AS max_retries,
    u.error_class,
    u.error AS last_error,
    u.not_before AS next_attempt_at,
    u.enqueued_at,
    CASE WHEN u.status IN ('pending', 'leased', 'retrying') THEN u.planned_at END AS waiting_since,
    CASE WHEN u.status IN ('pending', 'leased', 'retrying') THEN statement_timestamp() - u.planned_at END AS age,
    CASE WHEN u.status IN ('pending', 'leased', 'retrying')
        THEN round(u.priority + extract(epoch FROM statement_timestamp() - u.planned_at) / 900, 2) END AS urgency,
    u.lease_holder,
    u.leased_until,
    u.run_id,
    u.started_at,
    u.finished_at
FROM work_units AS u
LEFT JOIN equity_types AS t USING (equity_type);

GRANT SELECT ON processing_queue TO tickstock_writer, tickstock_app;
COMMENT ON VIEW processing_queue IS 'The ledger as a queue: a row for each work unit, whatever its status. What any worker leases has enqueued_at; other units wait for the run that planned them.';
COMMENT ON COLUMN processing_queue.id IS 'See work_units.unit_id: the same request has the same id.';
COMMENT ON COLUMN processing_queue.dataset IS 'See work_units.dataset.';
COMMENT ON COLUMN processing_queue.kind IS 'See work_units.kind.';
COMMENT ON COLUMN processing_queue.market IS 'MIC of the calendar.';
COMMENT ON COLUMN processing_queue.source IS 'Who is asked.';
COMMENT ON COLUMN processing_queue.symbol IS 'A ticker, or * for all of them.';
COMMENT ON COLUMN processing_queue.first_session IS 'First session asked for.';
COMMENT ON COLUMN processing_queue.last_session IS 'Last session asked for.';
COMMENT ON COLUMN processing_queue.equity_type IS 'See work_units.equity_type.';
COMMENT ON COLUMN processing_queue.priority IS 'critical 10, high 5, normal 2, low 1.';
COMMENT ON COLUMN processing_queue.priority_level IS 'The same, 1 (critical) to 4 (low).';
COMMENT ON COLUMN processing_queue.status IS 'pending, leased (a worker has it), done, retrying (failed, again from next_attempt_at on), dead (a dead letter) or cancelled (dropped; last_error says why).';
COMMENT ON COLUMN processing_queue.attempts IS 'How often it was asked for.';
COMMENT ON COLUMN processing_queue.failures IS 'Bad ends since the last good one.';
COMMENT ON COLUMN processing_queue.max_retries IS 'After so many repeated failures it is dead: retry_config of its type as it is now; without a type 4.';
COMMENT ON COLUMN processing_queue.error_class IS 'See work_units.error_class.';
COMMENT ON COLUMN processing_queue.last_error IS 'Why it failed; of a cancelled one, why it was cancelled.';
COMMENT ON COLUMN processing_queue.next_attempt_at IS 'When a retrying one is leased again at the earliest.';
COMMENT ON COLUMN processing_queue.enqueued_at IS 'See work_units.enqueued_at.';
COMMENT ON COLUMN processing_queue.waiting_since IS 'Since when an open one waits; its age counts from here.';
COMMENT ON COLUMN processing_queue.age IS 'How long an open one has waited, by the server''s clock.';
COMMENT ON COLUMN processing_queue.urgency IS 'priority and one point for every 15 minutes of age: the greatest is leased first.';
COMMENT ON COLUMN processing_queue.lease_holder IS 'See work_units.lease_holder.';
COMMENT ON COLUMN processing_queue.leased_until IS 'See work_units.leased_until.';
COMMENT ON COLUMN processing_queue.run_id IS 'See work_units.run_id.';
COMMENT ON COLUMN processing_queue.started_at IS 'When it was leased or asked for last.';
COMMENT ON COLUMN processing_queue.finished_at IS 'When it ended last.';
