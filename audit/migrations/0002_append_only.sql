-- I3: every change has exactly one event, and no event is ever changed.

-- When the event's transaction took its number: lets a checkpoint leave out what is still in flight.
ALTER TABLE audit_event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();

ALTER TABLE audit_event
    ADD CONSTRAINT audit_event_seq_from_one CHECK (seq >= 1),
    ADD CONSTRAINT audit_event_hash_sizes
        CHECK (octet_length(hash) = 32 AND octet_length(prev_hash) = 32);

-- The head of a stream, locked until the transaction ends. A new stream starts at 0.
CREATE FUNCTION audit_head(wanted text, OUT seq bigint, OUT hash bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT s.seq, s.hash INTO audit_head.seq, audit_head.hash
        FROM audit_stream s WHERE s.stream = wanted FOR UPDATE;
    IF FOUND THEN RETURN; END IF;
    INSERT INTO audit_stream (stream, seq, hash) VALUES (wanted, 0, decode(repeat('00', 32), 'hex'))
        ON CONFLICT (stream) DO NOTHING;
    SELECT s.seq, s.hash INTO audit_head.seq, audit_head.hash
        FROM audit_stream s WHERE s.stream = wanted FOR UPDATE;
END $$;

-- An event goes to the end of its stream or nowhere.
CREATE FUNCTION audit_advance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE audit_stream s SET seq = NEW.seq, hash = NEW.hash
        WHERE s.stream = NEW.stream AND s.seq = NEW.seq - 1 AND s.hash = NEW.prev_hash;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'event %#% does not follow the head of its stream', NEW.stream, NEW.seq
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER audit_event_advances_head BEFORE INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_advance();

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'events are only ever added: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_event_is_append_only BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_event_is_not_truncated BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- The head advances by the insertion of an event (a trigger, so depth 2) and by nothing else.
CREATE FUNCTION audit_guard_head() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.seq = 0 THEN RETURN NEW; END IF;
    IF TG_OP = 'UPDATE' AND pg_trigger_depth() > 1
        AND NEW.stream = OLD.stream AND NEW.seq = OLD.seq + 1 THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'the head of a stream moves only with an event: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_stream_moves_with_events BEFORE INSERT OR UPDATE OR DELETE ON audit_stream
    FOR EACH ROW EXECUTE FUNCTION audit_guard_head();
CREATE TRIGGER audit_stream_is_not_truncated BEFORE TRUNCATE ON audit_stream
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Also under session_replication_role = replica, which switches ordinary triggers off.
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_advances_head;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_is_append_only;
ALTER TABLE audit_event ENABLE ALWAYS TRIGGER audit_event_is_not_truncated;
ALTER TABLE audit_stream ENABLE ALWAYS TRIGGER audit_stream_moves_with_events;
ALTER TABLE audit_stream ENABLE ALWAYS TRIGGER audit_stream_is_not_truncated;
