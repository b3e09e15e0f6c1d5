-- A name belongs to one universe: no key is another universe's alias, and no alias another's key or alias. Stores in which
-- that has happened keep what they have; the key counts there (universe_key).
CREATE FUNCTION refuse_taken_universe_name() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    taken text;
    holder text;
BEGIN
    IF TG_OP = 'INSERT' AND EXISTS (SELECT FROM cache_entries AS c WHERE c.key = NEW.key) THEN
        RETURN NEW;  -- no new name: ON CONFLICT, or the primary key, decides
    END IF;
    SELECT n.name, c.key INTO taken, holder
    FROM cache_entries AS c
    JOIN unnest(NEW.key || NEW.aliases) AS n (name) ON n.name = ANY (c.key || c.aliases)
    WHERE c.key <> CASE WHEN TG_OP = 'UPDATE' THEN OLD.key ELSE NEW.key END
    ORDER BY n.name, c.key
    LIMIT 1;
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'universe name % is taken: it is a name of %', quote_literal(taken), holder
            USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER cache_entries_names_are_of_one_universe BEFORE INSERT OR UPDATE OF key, aliases ON cache_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_taken_universe_name();
REVOKE EXECUTE ON FUNCTION refuse_taken_universe_name() FROM PUBLIC;
COMMENT ON FUNCTION refuse_taken_universe_name() IS 'Refuses a universe whose key or alias is a name of another one.';
