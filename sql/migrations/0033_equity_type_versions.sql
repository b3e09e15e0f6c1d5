-- Every state of an equity type as a version that stays; thresholds of the quality rules by type; which symbols keep the
-- rules of their types.
ALTER TABLE equity_types ALTER COLUMN priority SET DEFAULT 'normal';
ALTER TABLE equity_types ADD COLUMN quality jsonb NOT NULL DEFAULT '{}';
ALTER TABLE equity_types ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE equity_types
    ADD CONSTRAINT equity_types_quality_is_numbers CHECK (coalesce(
        jsonb_typeof(quality) = 'object' AND NOT jsonb_path_exists(quality, '$.* ? (@.type() != "number")'), false)),
    ADD CONSTRAINT equity_types_version_positive CHECK (version > 0);
COMMENT ON TABLE equity_types IS 'How each of the vendor''s types of securities is processed, as it is now. Changes take effect with the next unit of work; every state is kept in equity_type_versions.';
COMMENT ON COLUMN equity_types.quality IS 'Thresholds of the quality rules that differ from their defaults for this type, by name: price_move, volume_spike, volume_drought.';
COMMENT ON COLUMN equity_types.version IS 'The version in force, in equity_type_versions.';

CREATE TABLE equity_type_versions (
    equity_type     varchar(50) NOT NULL REFERENCES equity_types,
    version         integer NOT NULL,
    document        jsonb NOT NULL,
    former_version  integer,
    restores        integer,
    changed_by      text NOT NULL,
    reason          text NOT NULL,
    run_id          text NOT NULL,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (equity_type, version),
    FOREIGN KEY (equity_type, former_version) REFERENCES equity_type_versions (equity_type, version),
    FOREIGN KEY (equity_type, restores) REFERENCES equity_type_versions (equity_type, version),
    CONSTRAINT equity_type_versions_without_holes CHECK (version = coalesce(former_version, 0) + 1),
    CONSTRAINT equity_type_versions_restores_an_earlier_one CHECK (restores < version),
    CONSTRAINT equity_type_versions_document_names_its_type CHECK (coalesce(document ->> 'equity_type' = equity_type, false)),
    CONSTRAINT equity_type_versions_say_who_and_why CHECK (changed_by <> '' AND reason <> '')
);
INSERT INTO equity_type_versions (equity_type, version, document, changed_by, reason, run_id, changed_at)
SELECT equity_type, version,
    jsonb_build_object(
        'equity_type', equity_type, 'title', title, 'update_frequency', update_frequency, 'priority', priority,
        'processing_rules', processing_rules, 'retry_config', retry_config, 'performance_targets', performance_targets,
        'quality', quality),
    'tickstock', 'as it stood when versions began', 'sql', last_updated
FROM equity_types;
GRANT SELECT, INSERT ON equity_type_versions TO tickstock_writer;
COMMENT ON TABLE equity_type_versions IS 'Every state that an equity type ever had, with who made it and why; the highest version is in force. Never changed or deleted.';
COMMENT ON COLUMN equity_type_versions.equity_type IS 'Vendor type code.';
COMMENT ON COLUMN equity_type_versions.version IS 'From 1, without holes.';
COMMENT ON COLUMN equity_type_versions.document IS 'All rules of the type, as docs/equity_type.schema.json describes them.';
COMMENT ON COLUMN equity_type_versions.former_version IS 'The version in force before; null for the first.';
COMMENT ON COLUMN equity_type_versions.restores IS 'Of a rollback: the earlier version whose document it has again; else null.';
COMMENT ON COLUMN equity_type_versions.changed_by IS 'Who changed it.';
COMMENT ON COLUMN equity_type_versions.reason IS 'Why.';
COMMENT ON COLUMN equity_type_versions.run_id IS 'Dagster run; cli or sql outside of Dagster.';
COMMENT ON COLUMN equity_type_versions.changed_at IS 'When it came into force.';

-- The table itself keeps its versions, so that no way of changing it goes round them. Who changes it says so in the setting
-- tickstock.type_change of the transaction; whoever does not is named by the session.
CREATE FUNCTION number_equity_type() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.version := CASE WHEN TG_OP = 'INSERT' THEN 1 ELSE OLD.version END;
    IF TG_OP = 'UPDATE' AND (NEW.title, NEW.update_frequency, NEW.priority, NEW.processing_rules, NEW.retry_config,
            NEW.performance_targets, NEW.quality)
            IS DISTINCT FROM (OLD.title, OLD.update_frequency, OLD.priority, OLD.processing_rules, OLD.retry_config,
                OLD.performance_targets, OLD.quality) THEN
        NEW.version := OLD.version + 1;
        IF NEW.last_updated = OLD.last_updated AND coalesce(current_setting('tickstock.type_change', true), '') = '' THEN
            NEW.last_updated := clock_timestamp();
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION keep_equity_type_version() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    said jsonb := coalesce(nullif(current_setting('tickstock.type_change', true), ''), '{}')::jsonb;
BEGIN
    INSERT INTO equity_type_versions (
        equity_type, version, document, former_version, restores, changed_by, reason, run_id, changed_at)
    VALUES (
        NEW.equity_type, NEW.version,
        jsonb_build_object(
            'equity_type', NEW.equity_type, 'title', NEW.title, 'update_frequency', NEW.update_frequency,
            'priority', NEW.priority, 'processing_rules', NEW.processing_rules, 'retry_config', NEW.retry_config,
            'performance_targets', NEW.performance_targets, 'quality', NEW.quality),
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.version END, (said ->> 'restores')::integer,
        coalesce(said ->> 'by', session_user), coalesce(said ->> 'reason', 'changed in the table itself'),
        coalesce(said ->> 'run_id', 'sql'), NEW.last_updated);
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION number_equity_type(), keep_equity_type_version() FROM PUBLIC;
COMMENT ON FUNCTION number_equity_type() IS 'Trigger: a change of an equity type gets the next version.';
COMMENT ON FUNCTION keep_equity_type_version() IS 'Trigger: every version of an equity type is kept in equity_type_versions.';
CREATE TRIGGER equity_types_number BEFORE INSERT OR UPDATE ON equity_types
    FOR EACH ROW EXECUTE FUNCTION number_equity_type();
CREATE TRIGGER equity_types_keep_first AFTER INSERT ON equity_types
    FOR EACH ROW EXECUTE FUNCTION keep_equity_type_version();
CREATE TRIGGER equity_types_keep_next AFTER UPDATE ON equity_types
    FOR EACH ROW WHEN (NEW.version <> OLD.version) EXECUTE FUNCTION keep_equity_type_version();

CREATE TABLE symbol_validations (
    security_id    bigint PRIMARY KEY REFERENCES securities,
    ticker         text NOT NULL,
    session        date NOT NULL,
    equity_type    varchar(50) NOT NULL REFERENCES equity_types,
    type_version   integer NOT NULL,
    verdict        text NOT NULL,
    reason         text NOT NULL,
    aum_usd        double precision,
    adv20_usd      double precision,
    adv20_shares   double precision,
    expense_ratio  double precision,
    validated_at   timestamptz NOT NULL,
    FOREIGN KEY (equity_type, type_version) REFERENCES equity_type_versions (equity_type, version),
    CONSTRAINT symbol_validations_verdict_known CHECK (verdict IN ('passes', 'fails', 'unknown')),
    CONSTRAINT symbol_validations_say_why CHECK (reason <> '')
);
GRANT SELECT, INSERT, UPDATE ON symbol_validations TO tickstock_writer;
COMMENT ON TABLE symbol_validations IS 'Whether each symbol keeps the validation_rules of its equity type, with the figures that say so. One that fails is loaded all the same, and not admitted to universes with a rule. Renewed with reference data and with every change of the rules.';
COMMENT ON COLUMN symbol_validations.security_id IS 'The security.';
COMMENT ON COLUMN symbol_validations.ticker IS 'Its ticker on the session.';
COMMENT ON COLUMN symbol_validations.session IS 'Session of the figures.';
COMMENT ON COLUMN symbol_validations.equity_type IS 'The type whose rules were applied; OTHER where its own is unknown.';
COMMENT ON COLUMN symbol_validations.type_version IS 'Version of the rules, in equity_type_versions.';
COMMENT ON COLUMN symbol_validations.verdict IS 'passes (every rule holds, or the type has none), fails (one is broken) or unknown (none is broken, and a figure is missing).';
COMMENT ON COLUMN symbol_validations.reason IS 'Why, with the numbers.';
COMMENT ON COLUMN symbol_validations.aum_usd IS 'Assets under management, US dollars; null where unknown.';
COMMENT ON COLUMN symbol_validations.adv20_usd IS 'Mean dollar volume of the last 20 sessions'' bars; null without a bar.';
COMMENT ON COLUMN symbol_validations.adv20_shares IS 'Mean volume of the last 20 sessions'' bars, shares of the session''s day; null without a bar.';
COMMENT ON COLUMN symbol_validations.expense_ratio IS 'Yearly cost as a fraction of assets; null where unknown.';
COMMENT ON COLUMN symbol_validations.validated_at IS 'When this verdict was written.';

-- What is known of a fund on a day besides its bar; which funds is for the switches of their types to say.
CREATE TABLE fund_navs (
    security_id   bigint NOT NULL REFERENCES securities,
    session       date NOT NULL,
    ticker        text NOT NULL,
    nav           numeric(18, 6) NOT NULL,
    source        text NOT NULL,
    processed_on  date NOT NULL,
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (security_id, session),
    CONSTRAINT fund_navs_positive CHECK (nav > 0),
    CONSTRAINT fund_navs_known_after_the_day CHECK (processed_on >= session)
);
CREATE INDEX fund_navs_by_session ON fund_navs (session);
CREATE TABLE fund_sectors (
    security_id   bigint NOT NULL REFERENCES securities,
    session       date NOT NULL,
    ticker        text NOT NULL,
    allocation    jsonb NOT NULL,
    source        text NOT NULL,
    processed_on  date NOT NULL,
    known_at      timestamptz NOT NULL,
    PRIMARY KEY (security_id, session),
    CONSTRAINT fund_sectors_is_an_object CHECK (jsonb_typeof(allocation) = 'object' AND allocation <> '{}'),
    CONSTRAINT fund_sectors_known_after_the_day CHECK (processed_on >= session)
);
CREATE INDEX fund_sectors_by_session ON fund_sectors (session);
GRANT SELECT, INSERT, UPDATE ON fund_navs, fund_sectors TO tickstock_writer;
COMMENT ON TABLE fund_navs IS 'Net asset values of funds, as the vendor states them. A fund or a day without a row has none that is known.';
COMMENT ON COLUMN fund_navs.security_id IS 'The fund.';
COMMENT ON COLUMN fund_navs.session IS 'The day of which the value is.';
COMMENT ON COLUMN fund_navs.ticker IS 'Its ticker on that day.';
COMMENT ON COLUMN fund_navs.nav IS 'US dollars a share, in shares of that day.';
COMMENT ON COLUMN fund_navs.source IS 'Who states it.';
COMMENT ON COLUMN fund_navs.processed_on IS 'When the vendor brought it out; a later one replaces an earlier one.';
COMMENT ON COLUMN fund_navs.known_at IS 'When this version of the row was written.';
COMMENT ON TABLE fund_sectors IS 'How funds are allocated to sectors, as the vendor states it. A fund or a day without a row has no allocation that is known.';
COMMENT ON COLUMN fund_sectors.security_id IS 'The fund.';
COMMENT ON COLUMN fund_sectors.session IS 'The day of which the allocation is.';
COMMENT ON COLUMN fund_sectors.ticker IS 'Its ticker on that day.';
COMMENT ON COLUMN fund_sectors.allocation IS 'The vendor''s name of each sector to its share of assets, a fraction; need not add up to one.';
COMMENT ON COLUMN fund_sectors.source IS 'Who states it.';
COMMENT ON COLUMN fund_sectors.processed_on IS 'When the vendor brought it out; a later one replaces an earlier one.';
COMMENT ON COLUMN fund_sectors.known_at IS 'When this version of the row was written.';
