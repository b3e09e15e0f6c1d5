-- The ledger's units that wait for any worker instead of for the run that planned them: the processing queue. And how each
-- type of security was processed on each day, beside its targets.
ALTER TABLE work_units ADD COLUMN equity_type text;
ALTER TABLE work_units ADD COLUMN enqueued_at timestamptz;

-- What a worker leases next: the order of urgency of work_units_waiting, over all datasets.
CREATE INDEX work_units_queue_waiting ON work_units (
    (extract(epoch FROM planned_at - timestamptz '2000-01-01 00:00:00+00') - 900 * priority), unit_id)
    WHERE status = 'pending' AND enqueued_at IS NOT NULL;
CREATE INDEX work_units_queue_retrying ON work_units (not_before)
    WHERE status = 'retrying' AND enqueued_at IS NOT NULL;
-- What the bounds of the queue count.
CREATE INDEX work_units_queue_open ON work_units (equity_type)
    WHERE status IN ('pending', 'leased', 'retrying') AND enqueued_at IS NOT NULL;
-- What ended on a day.
CREATE INDEX work_units_finished ON work_units (finished_at);

COMMENT ON COLUMN work_units.equity_type IS 'Type of security whose retry_config holds, and under whose bound it waits; null for units that no type''s rules govern.';
COMMENT ON COLUMN work_units.enqueued_at IS 'When it was put into the processing queue, where any worker leases it; null for what a run plans for itself.';

CREATE TABLE processing_performance (
    day                  date NOT NULL,
    equity_type          text NOT NULL,
    units                integer NOT NULL,
    symbols              bigint NOT NULL,
    rows                 bigint NOT NULL,
    dead                 integer NOT NULL,
    p50_ms               double precision,
    p95_ms               double precision,
    success_rate         double precision,
    target_ms            double precision NOT NULL,
    target_success_rate  double precision NOT NULL,
    breached             boolean NOT NULL,
    measured_at          timestamptz NOT NULL,
    PRIMARY KEY (day, equity_type),
    CONSTRAINT processing_performance_counts_make_sense CHECK (
        units >= 0 AND symbols >= 0 AND rows >= 0 AND dead >= 0 AND dead <= units),
    CONSTRAINT processing_performance_times_not_negative CHECK (p50_ms >= 0 AND p95_ms >= p50_ms),
    CONSTRAINT processing_performance_rate_in_per_cent CHECK (success_rate BETWEEN 0 AND 100),
    CONSTRAINT processing_performance_targets_as_of_types CHECK (
        target_ms > 0 AND target_success_rate > 0 AND target_success_rate <= 100)
);
GRANT SELECT, INSERT, UPDATE ON processing_performance TO tickstock_writer;
GRANT SELECT ON processing_performance TO tickstock_app;
COMMENT ON TABLE processing_performance IS 'How each type of security was processed on each day, beside the targets of its type: measured while the day lasts, then kept.';
COMMENT ON COLUMN processing_performance.day IS 'Day on which units ended, in New York.';
COMMENT ON COLUMN processing_performance.equity_type IS 'The type, as in equity_types.';
COMMENT ON COLUMN processing_performance.units IS 'Work units that ended: those of its symbols, and calls for whole sessions in which it has a share.';
COMMENT ON COLUMN processing_performance.symbols IS 'Symbols of the type in these units; one on several sessions, or in several units, counts each time.';
COMMENT ON COLUMN processing_performance.rows IS 'Good rows that they brought; of a call for a whole session the type''s own.';
COMMENT ON COLUMN processing_performance.dead IS 'Units of its symbols that failed for good. Those that are tried again have not ended.';
COMMENT ON COLUMN processing_performance.p50_ms IS 'Median milliseconds per symbol until the answer came, waiting for the rate included; of a call for a whole session its time divided by its rows. Null where none was measured.';
COMMENT ON COLUMN processing_performance.p95_ms IS 'The same, 95th percentile: what target_ms is held against, unless there are fewer than 20 symbols; then p50_ms is.';
COMMENT ON COLUMN processing_performance.success_rate IS 'Per cent of the symbols whose units ended well; null where none ended.';
COMMENT ON COLUMN processing_performance.target_ms IS 'performance_targets.processing_time_ms of the type when it was measured.';
COMMENT ON COLUMN processing_performance.target_success_rate IS 'performance_targets.success_rate of the type when it was measured, per cent.';
COMMENT ON COLUMN processing_performance.breached IS 'Whether a target was missed.';
COMMENT ON COLUMN processing_performance.measured_at IS 'When it was measured last.';
