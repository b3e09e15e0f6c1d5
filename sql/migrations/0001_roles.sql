-- Roles: tickstock_writer (the factory at work) and tickstock_app (TickStockApp, SELECT only). Both are NOLOGIN
-- groups; logins are granted them. The factory itself runs every statement as tickstock_writer (SET ROLE), whatever
-- login its URL names, so that only migrations ever use the owner's rights. Roles belong to the whole cluster, hence
-- the guards: another database of the same cluster may have made them, even in this moment.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['tickstock_writer', 'tickstock_app'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, 'SET') THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO tickstock_writer, tickstock_app;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO tickstock_writer, tickstock_app;
