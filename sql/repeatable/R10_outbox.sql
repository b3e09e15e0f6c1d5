-- Tells whoever listens on tickstock_outbox that events were committed. A full queue of notifications would fail the
-- transaction: then it is left out, and the dispatcher finds the events at its next look.
CREATE OR REPLACE FUNCTION announce_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_notification_queue_usage() < 0.9 THEN
        NOTIFY tickstock_outbox;
    END IF;
    RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION announce_outbox() FROM PUBLIC;
COMMENT ON FUNCTION announce_outbox() IS 'Tells whoever listens on tickstock_outbox that events were committed, unless the queue of notifications is nearly full.';
