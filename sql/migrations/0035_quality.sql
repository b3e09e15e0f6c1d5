-- What judging stored data has found, what became of each finding, and the scores of every symbol and session.
CREATE TABLE quality_anomalies (
    anomaly_id    bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    security_id   bigint NOT NULL REFERENCES securities,
    session       date NOT NULL,
    rule          text NOT NULL,
    dataset       text NOT NULL,
    ticker        text NOT NULL,
    verdict       text NOT NULL,
    severity      text NOT NULL,
    cause         text NOT NULL,
    value         double precision NOT NULL,
    threshold     double precision NOT NULL,
    evidence      jsonb NOT NULL,
    would_change  text NOT NULL,
    settled_by    text,
    found_at      timestamptz NOT NULL,
    found_by      text NOT NULL,
    judged_at     timestamptz NOT NULL,
    withdrawn_at  timestamptz,
    alerted_at    timestamptz,
    alerted_as    text,
    state         text NOT NULL DEFAULT 'open',
    decided_by    text,
    decided_why   text,
    decided_at    timestamptz,
    decided_on    jsonb,
    PRIMARY KEY (security_id, session, rule, dataset),
    CONSTRAINT quality_anomalies_verdict_known CHECK (verdict IN ('explained', 'suspicious', 'wrong')),
    CONSTRAINT quality_anomalies_severity_known CHECK (severity IN ('error', 'warn')),
    CONSTRAINT quality_anomalies_state_known CHECK (state IN ('open', 'released', 'confirmed')),
    CONSTRAINT quality_anomalies_dataset_known CHECK (dataset IN ('ohlcv_daily', 'ohlcv_1min')),
    CONSTRAINT quality_anomalies_withdrawn_is_explained CHECK (withdrawn_at IS NULL OR verdict = 'explained'),
    CONSTRAINT quality_anomalies_alerted_says_what CHECK (
        (alerted_at IS NULL) = (alerted_as IS NULL) AND alerted_as IN ('explained', 'suspicious', 'wrong')),
    CONSTRAINT quality_anomalies_decided_says_by_whom CHECK (CASE state
        WHEN 'open' THEN num_nonnulls(decided_by, decided_why, decided_at, decided_on) = 0
        ELSE num_nulls(decided_by, decided_why, decided_at) = 0 END),
    CONSTRAINT quality_anomalies_decided_has_its_verdict CHECK (CASE state
        WHEN 'released' THEN verdict = 'explained'
        WHEN 'confirmed' THEN verdict = 'wrong'
        ELSE true END)
);
CREATE INDEX quality_anomalies_by_session ON quality_anomalies (session);
-- What is missing is judged as a whole, not by session.
CREATE INDEX quality_anomalies_stale ON quality_anomalies (security_id, session) WHERE rule = 'data_stale';

CREATE TABLE quality_verdicts (
    verdict_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    security_id  bigint NOT NULL,
    session      date NOT NULL,
    rule         text NOT NULL,
    dataset      text NOT NULL,
    was          text,
    verdict      text NOT NULL,
    how          text NOT NULL,
    cause        text NOT NULL,
    value        double precision NOT NULL,
    threshold    double precision NOT NULL,
    evidence     jsonb NOT NULL,
    given_by     text NOT NULL,
    given_at     timestamptz NOT NULL,
    FOREIGN KEY (security_id, session, rule, dataset) REFERENCES quality_anomalies,
    CONSTRAINT quality_verdicts_verdict_known CHECK (verdict IN ('explained', 'suspicious', 'wrong')),
    CONSTRAINT quality_verdicts_was_known CHECK (was IN ('explained', 'suspicious', 'wrong')),
    CONSTRAINT quality_verdicts_how_known CHECK (
        how IN ('found', 'judged', 'withdrawn', 'released', 'confirmed', 'reopened')),
    CONSTRAINT quality_verdicts_only_the_first_has_none_before CHECK ((was IS NULL) = (how = 'found'))
);
CREATE INDEX quality_verdicts_by_finding ON quality_verdicts (security_id, session, rule, dataset);

CREATE TABLE quality_reports (
    session           date NOT NULL,
    security_id       bigint NOT NULL REFERENCES securities,
    ticker            text NOT NULL,
    price_score       double precision NOT NULL,
    volume_score      double precision NOT NULL,
    freshness_score   double precision NOT NULL,
    overall_score     double precision NOT NULL,
    explained         integer NOT NULL,
    suspicious        integer NOT NULL,
    wrong             integer NOT NULL,
    missing_sessions  integer NOT NULL,
    missing_in_a_row  integer NOT NULL,
    recommendations   text[] NOT NULL,
    reported_at       timestamptz NOT NULL,
    run_id            text NOT NULL,
    PRIMARY KEY (session, security_id),
    CONSTRAINT quality_reports_scores_in_range CHECK (
        price_score BETWEEN 0 AND 100 AND volume_score BETWEEN 0 AND 100 AND freshness_score BETWEEN 0 AND 100
        AND overall_score BETWEEN 0 AND 100),
    CONSTRAINT quality_reports_counts_make_sense CHECK (
        explained >= 0 AND suspicious >= 0 AND wrong >= 0 AND missing_in_a_row >= 0
        AND missing_sessions >= missing_in_a_row)
);
CREATE INDEX quality_reports_by_security ON quality_reports (security_id, session);

-- A stored bar that is judged wrong leaves ohlcv_daily for this table. Its values are held back afterwards: an answer that
-- repeats them stores nothing, until somebody releases them.
ALTER TABLE quarantined_bars ADD COLUMN held boolean NOT NULL DEFAULT false;
CREATE INDEX quarantined_bars_held ON quarantined_bars (security_id, session) WHERE held;

-- Whoever takes bars away may say which ones, as whoever writes them does; a statement that says nothing rebuilds all factors.
CREATE OR REPLACE FUNCTION adjustments_follow_bars() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tickstock bars'));
    IF current_setting('tickstock.adjusts', true) IS DISTINCT FROM 'on' THEN
        PERFORM rebuild_adjustment_factors();
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM rebuild_adjustment_factors(ARRAY(
            WITH near AS MATERIALIZED (
                SELECT f.security_id, f.pending_from, adjusts_with(s.primary_exchange) AS market
                FROM adjustment_factors AS f
                JOIN securities AS s USING (security_id)
                WHERE f.pending_from <= (SELECT max(b.session) FROM ohlcv_daily AS b)
            )
            SELECT n.security_id
            FROM near AS n
            JOIN (
                SELECT m.market, latest_session(m.market) AS day FROM (SELECT DISTINCT market FROM near) AS m
            ) AS l ON l.market IS NOT DISTINCT FROM n.market AND n.pending_from <= l.day));
    END IF;
    RETURN NULL;
END
$$;

GRANT INSERT, UPDATE ON quality_anomalies TO tickstock_writer;
GRANT INSERT ON quality_verdicts TO tickstock_writer;
GRANT INSERT, UPDATE, DELETE ON quality_reports TO tickstock_writer;

COMMENT ON TABLE quality_anomalies IS 'Findings: what a rule has found about one bar, or about its absence. Each once, with the verdict that stands now; never deleted.';
COMMENT ON COLUMN quality_anomalies.anomaly_id IS 'Surrogate identity, for `tickstock quality show`.';
COMMENT ON COLUMN quality_anomalies.security_id IS 'The security.';
COMMENT ON COLUMN quality_anomalies.session IS 'The session; of data_stale the first one without a bar.';
COMMENT ON COLUMN quality_anomalies.rule IS 'Name of the rule: price_move, volume_spike, …; `tickstock quality rules` lists them.';
COMMENT ON COLUMN quality_anomalies.dataset IS 'What was judged: ohlcv_daily; ohlcv_1min when minute bars come.';
COMMENT ON COLUMN quality_anomalies.ticker IS 'Ticker as printed on the session.';
COMMENT ON COLUMN quality_anomalies.verdict IS 'explained: the row is right. suspicious: nothing that is known accounts for it. wrong: the row is set aside, and its bar stays owed.';
COMMENT ON COLUMN quality_anomalies.severity IS 'error holds back what is downstream, warn does not.';
COMMENT ON COLUMN quality_anomalies.cause IS 'What accounts for it, or what it looks like, in words.';
COMMENT ON COLUMN quality_anomalies.value IS 'What was measured, in the rule''s unit.';
COMMENT ON COLUMN quality_anomalies.threshold IS 'What the value is compared with, in the same unit.';
COMMENT ON COLUMN quality_anomalies.evidence IS 'The numbers and rows that were looked at.';
COMMENT ON COLUMN quality_anomalies.would_change IS 'What would change the verdict, in words.';
COMMENT ON COLUMN quality_anomalies.settled_by IS 'The vendor''s call that would settle it; null: none would.';
COMMENT ON COLUMN quality_anomalies.found_at IS 'When it was found first.';
COMMENT ON COLUMN quality_anomalies.found_by IS 'The run that found it, or cli.';
COMMENT ON COLUMN quality_anomalies.judged_at IS 'Since when it stands as it does: verdict, value or evidence changed then.';
COMMENT ON COLUMN quality_anomalies.withdrawn_at IS 'When its rule did not find it any more; null: it does.';
COMMENT ON COLUMN quality_anomalies.alerted_at IS 'When an event told of it last; null: none has.';
COMMENT ON COLUMN quality_anomalies.alerted_as IS 'The verdict that the last event told.';
COMMENT ON COLUMN quality_anomalies.state IS 'open, or what a person decided: released (the row is right) or confirmed (it is wrong).';
COMMENT ON COLUMN quality_anomalies.decided_by IS 'Who decided.';
COMMENT ON COLUMN quality_anomalies.decided_why IS 'Why, in that person''s words.';
COMMENT ON COLUMN quality_anomalies.decided_at IS 'When.';
COMMENT ON COLUMN quality_anomalies.decided_on IS 'The bar that was decided on (open, high, low, close, volume); another bar is judged again. Null: there was none.';
COMMENT ON TABLE quality_verdicts IS 'Every verdict that a finding ever had; append-only.';
COMMENT ON COLUMN quality_verdicts.verdict_id IS 'Surrogate identity, in the order of the verdicts.';
COMMENT ON COLUMN quality_verdicts.security_id IS 'Of the finding.';
COMMENT ON COLUMN quality_verdicts.session IS 'Of the finding.';
COMMENT ON COLUMN quality_verdicts.rule IS 'Of the finding.';
COMMENT ON COLUMN quality_verdicts.dataset IS 'Of the finding.';
COMMENT ON COLUMN quality_verdicts.was IS 'The verdict before; null for the first one.';
COMMENT ON COLUMN quality_verdicts.verdict IS 'The verdict given.';
COMMENT ON COLUMN quality_verdicts.how IS 'found; judged again by its rule; withdrawn (its rule does not find it any more); released or confirmed by a person; reopened (the bar is another one than was decided on).';
COMMENT ON COLUMN quality_verdicts.cause IS 'Why, in words; of a person''s decision, that person''s.';
COMMENT ON COLUMN quality_verdicts.value IS 'What was measured then.';
COMMENT ON COLUMN quality_verdicts.threshold IS 'What it was compared with.';
COMMENT ON COLUMN quality_verdicts.evidence IS 'The numbers and rows that were looked at then.';
COMMENT ON COLUMN quality_verdicts.given_by IS 'The run, or the person.';
COMMENT ON COLUMN quality_verdicts.given_at IS 'When.';
COMMENT ON TABLE quality_reports IS 'Scores of every tracked symbol and session, 0 (worst) to 100. They follow from quality_anomalies and the missing sessions by the formula of docs/quality.md.';
COMMENT ON COLUMN quality_reports.session IS 'The session.';
COMMENT ON COLUMN quality_reports.security_id IS 'The security.';
COMMENT ON COLUMN quality_reports.ticker IS 'Its ticker on the session.';
COMMENT ON COLUMN quality_reports.price_score IS 'Of its prices.';
COMMENT ON COLUMN quality_reports.volume_score IS 'Of its volume.';
COMMENT ON COLUMN quality_reports.freshness_score IS 'Of the bars that are there, up to the session.';
COMMENT ON COLUMN quality_reports.overall_score IS 'Half the mean of the three, half the worst of them.';
COMMENT ON COLUMN quality_reports.explained IS 'Its findings on the session that are explained.';
COMMENT ON COLUMN quality_reports.suspicious IS 'Those that are suspicious.';
COMMENT ON COLUMN quality_reports.wrong IS 'Those that are wrong.';
COMMENT ON COLUMN quality_reports.missing_sessions IS 'Of the last 20 sessions, those whose bar is owed.';
COMMENT ON COLUMN quality_reports.missing_in_a_row IS 'Of these, those in a row up to the session itself.';
COMMENT ON COLUMN quality_reports.recommendations IS 'What to do, the most urgent first.';
COMMENT ON COLUMN quality_reports.reported_at IS 'As of when.';
COMMENT ON COLUMN quality_reports.run_id IS 'The run that reported, or cli.';
COMMENT ON COLUMN quarantined_bars.held IS 'The bar was stored, and judged wrong or confirmed as wrong afterwards: an answer with the same values stores nothing. False: broken on arrival, or released.';
COMMENT ON COLUMN quarantined_bars.row IS 'The row as received; of a bar that was stored before, every column of it.';
COMMENT ON COLUMN quarantined_bars.reason IS 'The broken rules, joined by "; "; of a bar that was stored before, the findings.';
COMMENT ON COLUMN quarantined_bars.unit_id IS 'The work unit that received it first; of a bar that was stored before, the run that judged it.';
