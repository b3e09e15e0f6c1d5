-- Universes by rule, their members in two clocks, and the log of every change.
-- `static` universes are lists: their members are members on every session. `dated` ones have members by session, in
-- universe_memberships; cache_entries.value is then the newest session's.
ALTER TABLE cache_entries ADD COLUMN membership text NOT NULL DEFAULT 'static';
ALTER TABLE cache_entries ADD COLUMN aliases text[] NOT NULL DEFAULT '{}';
ALTER TABLE cache_entries
    ADD CONSTRAINT cache_entries_membership_known CHECK (membership IN ('static', 'dated'));
CREATE INDEX cache_entries_aliases ON cache_entries USING gin (aliases);
COMMENT ON COLUMN cache_entries.membership IS 'static (a list, the same on every session) or dated (members by session, in universe_memberships; value is the newest session''s).';
COMMENT ON COLUMN cache_entries.aliases IS 'Other names: growth for etf_growth.';

CREATE TABLE universe_rules (
    universe    text NOT NULL,
    version     integer NOT NULL,
    rule        jsonb NOT NULL,
    reason      text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (universe, version),
    CONSTRAINT universe_rules_version_positive CHECK (version > 0),
    CONSTRAINT universe_rules_rule_is_an_object CHECK (jsonb_typeof(rule) = 'object')
);

CREATE TABLE universe_memberships (
    membership_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    universe       text NOT NULL REFERENCES cache_entries (key),
    security_id    bigint NOT NULL REFERENCES securities,
    valid_from     date NOT NULL,
    valid_to       date,
    known_from     timestamptz NOT NULL,
    known_to       timestamptz,
    CONSTRAINT universe_memberships_valid_range CHECK (valid_to > valid_from),
    CONSTRAINT universe_memberships_known_range CHECK (known_to > known_from),
    -- One answer to "member on that day, as known at that moment?"; what is superseded keeps its row.
    CONSTRAINT universe_memberships_one_interval_per_day_and_moment EXCLUDE USING gist (
        ticker_range(universe, universe, '[]') WITH &&,
        int8range(security_id, security_id, '[]') WITH &&,
        daterange(valid_from, valid_to) WITH &&,
        tstzrange(known_from, known_to) WITH &&)
);
CREATE INDEX universe_memberships_current ON universe_memberships (universe, valid_from) WHERE known_to IS NULL;
CREATE INDEX universe_memberships_by_security ON universe_memberships (security_id);

CREATE TABLE universe_determinations (
    universe       text NOT NULL REFERENCES cache_entries (key),
    session        date NOT NULL,
    determined_at  timestamptz NOT NULL,
    rule_version   integer,
    task           text NOT NULL,
    members        integer NOT NULL,
    evidence       jsonb NOT NULL,
    run_id         text NOT NULL,
    PRIMARY KEY (universe, session, determined_at),
    CONSTRAINT universe_determinations_evidence_is_an_object CHECK (jsonb_typeof(evidence) = 'object'),
    FOREIGN KEY (universe, rule_version) REFERENCES universe_rules (universe, version)
);

CREATE TABLE sync_changes_log (
    change_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session       date NOT NULL,
    universe      text NOT NULL,
    security_id   bigint REFERENCES securities,
    ticker        text,
    task          text NOT NULL,
    change        text NOT NULL,
    reason        text NOT NULL,
    before        jsonb,
    after         jsonb,
    rule_version  integer,
    event_id      uuid,
    run_id        text NOT NULL,
    changed_at    timestamptz NOT NULL,
    CONSTRAINT sync_changes_log_change_known CHECK (change IN ('added', 'removed', 'rule', 'settings', 'classified'))
);
CREATE INDEX sync_changes_log_by_universe ON sync_changes_log (universe, session);
CREATE INDEX sync_changes_log_by_run ON sync_changes_log (run_id);

CREATE TABLE sync_proposals (
    session    date NOT NULL,
    task       text NOT NULL,
    proposals  jsonb NOT NULL,
    examined   integer NOT NULL,
    seconds    double precision NOT NULL,
    skipped    text,
    run_id     text NOT NULL,
    staged_at  timestamptz NOT NULL,
    PRIMARY KEY (session, task)
);

GRANT SELECT, INSERT, UPDATE ON sync_proposals TO tickstock_writer;
GRANT SELECT, INSERT ON universe_rules, universe_determinations, sync_changes_log TO tickstock_writer;
GRANT SELECT, INSERT, UPDATE ON universe_memberships TO tickstock_writer;

COMMENT ON TABLE universe_rules IS 'Rules by which universes choose their members; a new version is a new row, the highest is in force.';
COMMENT ON COLUMN universe_rules.universe IS 'Canonical name.';
COMMENT ON COLUMN universe_rules.version IS 'From 1.';
COMMENT ON COLUMN universe_rules.rule IS 'The rule as core.universe_rules writes it.';
COMMENT ON COLUMN universe_rules.reason IS 'Why it was made.';
COMMENT ON COLUMN universe_rules.created_at IS 'When it came into force.';
COMMENT ON TABLE universe_memberships IS 'Who is in a universe on which sessions, and since when we knew: intervals in two clocks. Never deleted.';
COMMENT ON COLUMN universe_memberships.membership_id IS 'Surrogate identity.';
COMMENT ON COLUMN universe_memberships.universe IS 'Canonical name.';
COMMENT ON COLUMN universe_memberships.security_id IS 'The member, through all its renames.';
COMMENT ON COLUMN universe_memberships.valid_from IS 'First session as a member; 1900-01-01 where it always was.';
COMMENT ON COLUMN universe_memberships.valid_to IS 'First session no longer a member; null while it is one.';
COMMENT ON COLUMN universe_memberships.known_from IS 'From when we knew this interval.';
COMMENT ON COLUMN universe_memberships.known_to IS 'Until when it held; null: it is current.';
COMMENT ON TABLE universe_determinations IS 'Each time a universe''s members were determined for a session: by which rule, from which facts.';
COMMENT ON COLUMN universe_determinations.universe IS 'Canonical name.';
COMMENT ON COLUMN universe_determinations.session IS 'Session from which on the members hold, until the next determined one.';
COMMENT ON COLUMN universe_determinations.determined_at IS 'When; the newest of a session counts.';
COMMENT ON COLUMN universe_determinations.rule_version IS 'Version of the rule; null for lists.';
COMMENT ON COLUMN universe_determinations.task IS 'What determined it: a synchronisation task, seed, import, or set.';
COMMENT ON COLUMN universe_determinations.members IS 'How many members.';
COMMENT ON COLUMN universe_determinations.evidence IS 'Per ticker looked at: rank, decision and the facts used.';
COMMENT ON COLUMN universe_determinations.run_id IS 'The Dagster run, or cli.';
COMMENT ON TABLE sync_changes_log IS 'Every change of a universe, with its reason; never changed, never deleted.';
COMMENT ON COLUMN sync_changes_log.change_id IS 'Order of writing.';
COMMENT ON COLUMN sync_changes_log.session IS 'Session from which on it holds.';
COMMENT ON COLUMN sync_changes_log.universe IS 'Canonical name.';
COMMENT ON COLUMN sync_changes_log.security_id IS 'The member; null for rules and settings.';
COMMENT ON COLUMN sync_changes_log.ticker IS 'Its ticker on that session.';
COMMENT ON COLUMN sync_changes_log.task IS 'market_cap_recalculation, ipo_universe_assignment, delisted_cleanup, theme_rebalancing, etf_universe_maintenance, seed, import, or set.';
COMMENT ON COLUMN sync_changes_log.change IS 'added, removed, rule, settings, or classified (a new listing: sector, size, type).';
COMMENT ON COLUMN sync_changes_log.reason IS 'Why, in words.';
COMMENT ON COLUMN sync_changes_log.before IS 'Facts or settings before.';
COMMENT ON COLUMN sync_changes_log.after IS 'Facts or settings after.';
COMMENT ON COLUMN sync_changes_log.rule_version IS 'Version of the rule that decided; null where none did.';
COMMENT ON COLUMN sync_changes_log.event_id IS 'The tickstock.universe.updated event that tells of it.';
COMMENT ON COLUMN sync_changes_log.run_id IS 'The Dagster run, or cli.';
COMMENT ON COLUMN sync_changes_log.changed_at IS 'When it was written.';
COMMENT ON TABLE sync_proposals IS 'What each synchronisation task proposes for a session; all of them are applied together, in one transaction.';
COMMENT ON COLUMN sync_proposals.session IS 'The session.';
COMMENT ON COLUMN sync_proposals.task IS 'The task.';
COMMENT ON COLUMN sync_proposals.proposals IS 'Determinations of universes, each with members, reasons and evidence.';
COMMENT ON COLUMN sync_proposals.examined IS 'Securities looked at.';
COMMENT ON COLUMN sync_proposals.seconds IS 'Time taken.';
COMMENT ON COLUMN sync_proposals.skipped IS 'Why it had nothing to do; null where it worked.';
COMMENT ON COLUMN sync_proposals.run_id IS 'The Dagster run.';
COMMENT ON COLUMN sync_proposals.staged_at IS 'When it was staged.';
