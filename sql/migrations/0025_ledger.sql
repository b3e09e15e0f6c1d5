-- The ledger becomes the queue as well: datasets, jobs, leases, retries with their reasons, units that are dead.
-- What was once asked for keeps its receipt; what failed is tried again.
DROP FUNCTION remove_unfinished_units(timestamptz);
ALTER TABLE work_units
    DROP CONSTRAINT work_units_kind_known,
    DROP CONSTRAINT work_units_status_known,
    DROP CONSTRAINT work_units_failed_says_why;
ALTER TABLE work_units ADD COLUMN dataset text;
ALTER TABLE work_units ADD COLUMN job text;
ALTER TABLE work_units ADD COLUMN failures integer NOT NULL DEFAULT 0;
ALTER TABLE work_units ADD COLUMN error_class text;
ALTER TABLE work_units ADD COLUMN not_before timestamptz;
ALTER TABLE work_units ADD COLUMN lease_holder text;
ALTER TABLE work_units ADD COLUMN leased_until timestamptz;
ALTER TABLE work_units ADD COLUMN bytes bigint;
ALTER TABLE work_units ADD COLUMN elapsed_ms double precision;
ALTER TABLE work_units ADD COLUMN finished_in xid8;

-- Why a unit failed was kept in words alone: taken as transient, it is tried once more, and then has its class.
UPDATE work_units SET
    dataset = CASE kind
        WHEN 'listings' THEN 'listings'
        WHEN 'delisted' THEN 'listings'
        WHEN 'details' THEN 'symbol_details'
        WHEN 'etf_profiles' THEN 'etf_profiles'
        WHEN 'splits' THEN 'corporate_actions'
        WHEN 'dividends' THEN 'corporate_actions'
        WHEN 'sync' THEN 'memberships'
        ELSE 'ohlcv_daily' END,
    status = CASE status WHEN 'failed' THEN 'retrying' ELSE status END,
    attempts = CASE status WHEN 'failed' THEN greatest(attempts, 1) ELSE attempts END,
    failures = CASE status WHEN 'failed' THEN 1 ELSE 0 END,
    error_class = CASE status WHEN 'failed' THEN 'transient' END,
    not_before = CASE status WHEN 'failed' THEN coalesce(finished_at, planned_at) END,
    started_at = CASE WHEN status <> 'pending' THEN coalesce(started_at, finished_at, planned_at) ELSE started_at END,
    finished_at = CASE WHEN status <> 'pending' THEN coalesce(finished_at, planned_at) ELSE finished_at END;

-- The identity contains the dataset: the same hash as `WorkUnit.unit_id` of core.loading.planning.
WITH new AS (
    SELECT unit_id, left(encode(sha256(convert_to(concat_ws('|', dataset, kind, market, source, subject,
        to_char(first_session, 'YYYY-MM-DD'), to_char(last_session, 'YYYY-MM-DD')), 'UTF8')), 'hex'), 32) AS new_id
    FROM work_units),
quarantined AS (
    UPDATE quarantined_bars AS q SET unit_id = n.new_id FROM new AS n WHERE n.unit_id = q.unit_id)
UPDATE work_units AS u SET unit_id = n.new_id FROM new AS n WHERE n.unit_id = u.unit_id;

ALTER TABLE work_units
    ALTER COLUMN dataset SET NOT NULL,
    ADD CONSTRAINT work_units_dataset_known CHECK (dataset IN (
        'ohlcv_daily', 'ohlcv_1min', 'listings', 'symbol_details', 'etf_profiles', 'corporate_actions', 'fair_values',
        'memberships', 'correlations', 'quality_reports')),
    ADD CONSTRAINT work_units_kind_known CHECK (CASE dataset
        WHEN 'listings' THEN kind IN ('listings', 'delisted')
        WHEN 'symbol_details' THEN kind = 'details'
        WHEN 'etf_profiles' THEN kind = 'etf_profiles'
        WHEN 'corporate_actions' THEN kind IN ('splits', 'dividends')
        WHEN 'memberships' THEN kind = 'sync'
        ELSE kind IN ('range', 'grouped', 'flat_file', 'session') END),
    ADD CONSTRAINT work_units_status_known CHECK (
        status IN ('pending', 'leased', 'done', 'retrying', 'dead', 'cancelled')),
    ADD CONSTRAINT work_units_error_class_known CHECK (error_class IN ('transient', 'permanent', 'refused')),
    -- A unit that failed says why and what kind of error it was; a cancelled one may say why; no other has an error.
    ADD CONSTRAINT work_units_failed_says_why CHECK (CASE status
        WHEN 'retrying' THEN error IS NOT NULL AND error_class IS NOT DISTINCT FROM 'transient'
        WHEN 'dead' THEN error IS NOT NULL AND error_class IS NOT NULL
        WHEN 'cancelled' THEN error_class IS NULL
        ELSE error IS NULL AND error_class IS NULL END),
    ADD CONSTRAINT work_units_retrying_says_when CHECK ((status = 'retrying') = (not_before IS NOT NULL)),
    ADD CONSTRAINT work_units_leased_says_by_whom CHECK (
        (status = 'leased') = (lease_holder IS NOT NULL) AND (status = 'leased') = (leased_until IS NOT NULL)),
    ADD CONSTRAINT work_units_failures_in_a_row CHECK (CASE
        WHEN status IN ('retrying', 'dead') THEN failures > 0
        WHEN status = 'done' THEN failures = 0
        ELSE failures >= 0 END),
    ADD CONSTRAINT work_units_ended_says_when CHECK (
        status IN ('pending', 'leased') OR finished_at IS NOT NULL AND (status = 'cancelled' OR started_at IS NOT NULL)),
    ADD CONSTRAINT work_units_leased_was_begun CHECK (status <> 'leased' OR started_at IS NOT NULL),
    ADD CONSTRAINT work_units_counts_make_sense CHECK (
        attempts >= 0 AND failures <= attempts AND cells >= 0 AND rows >= 0 AND bytes >= 0 AND elapsed_ms >= 0);

-- What waits to be leased, in the order of urgency: priority plus one point for every 15 minutes of waiting.
CREATE INDEX work_units_waiting ON work_units (
    dataset, market, source, (extract(epoch FROM planned_at - timestamptz '2000-01-01 00:00:00+00') - 900 * priority))
    WHERE status IN ('pending', 'retrying', 'dead');
CREATE INDEX work_units_leased ON work_units (lease_holder) WHERE status = 'leased';

-- Only what is over goes, and of that only what no later answer depends on. What waits, is leased, is tried again or is
-- dead stays until it is done or cancelled.
CREATE FUNCTION remove_finished_units(before timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH gone AS (
        DELETE FROM work_units AS u
        WHERE u.finished_at < least(before, (SELECT max(n.finished_at) FROM work_units AS n) - interval '1 day')
            AND (
                u.status = 'cancelled'
                OR u.status = 'done' AND u.kind IN ('details', 'etf_profiles', 'delisted') AND EXISTS (
                    SELECT FROM work_units AS n
                    WHERE n.status = 'done' AND n.kind = u.kind AND n.market = u.market AND n.source = u.source
                        AND n.subject = u.subject AND n.last_session > u.last_session))
        RETURNING u.unit_id)
    SELECT count(*) FROM gone
$$;
REVOKE EXECUTE ON FUNCTION remove_finished_units(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_finished_units(timestamptz) TO tickstock_writer;
COMMENT ON FUNCTION remove_finished_units(timestamptz) IS
    'Maintenance: deletes work units that ended before a moment, cancelled ones and receipts that a later one of the same subject replaced, never the newest day''s; returns how many.';

COMMENT ON TABLE work_units IS 'The ledger: receipt book and queue of work. A unit is one request to a source, and is done in the transaction that stores its rows.';
COMMENT ON COLUMN work_units.unit_id IS 'Deterministic: hash of dataset, kind, market, source, subject and sessions.';
COMMENT ON COLUMN work_units.dataset IS 'What it is about: ohlcv_daily, ohlcv_1min, listings, symbol_details, etf_profiles, corporate_actions, fair_values, memberships, correlations or quality_reports.';
COMMENT ON COLUMN work_units.job IS 'The job that it belongs to; null for what a run plans for itself.';
COMMENT ON COLUMN work_units.priority IS 'critical 10, high 5, normal 2, low 1; one more for every 15 minutes since planned_at when units are leased.';
COMMENT ON COLUMN work_units.status IS 'pending, leased (a run is asking), done, retrying (failed, again from not_before on), dead (failed for good) or cancelled.';
COMMENT ON COLUMN work_units.failures IS 'Bad ends since the last good one. The fifth makes it dead.';
COMMENT ON COLUMN work_units.error IS 'Why it failed; of a cancelled one, why it was cancelled.';
COMMENT ON COLUMN work_units.error_class IS 'transient (may go away by itself), permanent (the same question gets the same answer) or refused (the vendor does not permit the question).';
COMMENT ON COLUMN work_units.not_before IS 'When a retrying unit may be leased again.';
COMMENT ON COLUMN work_units.lease_holder IS 'Who is asking: the run and the process. Its lease ends at once when that process ends.';
COMMENT ON COLUMN work_units.leased_until IS 'When its lease ends unless it is renewed.';
COMMENT ON COLUMN work_units.bytes IS 'Bytes of its last answer; null where the source does not say.';
COMMENT ON COLUMN work_units.elapsed_ms IS 'Milliseconds that its last answer took, retries and waiting for the rate included; null where it was not measured.';
COMMENT ON COLUMN work_units.finished_in IS 'Transaction in which it ended last: shows whether a run had seen that when it planned.';
COMMENT ON COLUMN work_units.run_id IS 'The Dagster run that planned or leased it last.';
COMMENT ON COLUMN work_units.planned_at IS 'Since when it waits, or waited; an open unit that is planned again keeps its age.';
COMMENT ON COLUMN work_units.started_at IS 'When it was leased or asked for last.';
