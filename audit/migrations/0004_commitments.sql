-- An event is never changed, but for one thing: what was only committed to may be forgotten, by
-- audit_forget, which the application calls for a stream that has just been told so by an event.

CREATE FUNCTION audit_is_forgetting(was audit_event, now audit_event) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT was.schema_version >= 2 AND was.salt IS NOT NULL AND now.salt IS NULL
        AND now.reason = '' AND now.changes = '[]'::jsonb AND now.private_row = '{}'::jsonb
        AND to_jsonb(was) - '{salt,reason,changes,private_row}'::text[]
          = to_jsonb(now) - '{salt,reason,changes,private_row}'::text[]
$$;

CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_event' THEN
        IF audit_is_forgetting(OLD, NEW) THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'events are only ever added: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- Take out what the events of a stream only committed to; how many events held something. The newest
-- event of the stream must say so, and be of this transaction.
CREATE FUNCTION audit_forget(wanted text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    forgotten bigint;
BEGIN
    PERFORM FROM audit_stream s JOIN audit_event e ON e.stream = s.stream AND e.seq = s.seq
        WHERE s.stream = wanted AND e.action = 'request.forget' AND e.xid = pg_current_xact_id();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing of % is forgotten without an event that says so', wanted
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE audit_event SET salt = NULL, reason = '', changes = '[]', private_row = '{}'
        WHERE stream = wanted AND salt IS NOT NULL AND action <> 'request.forget';
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    RETURN forgotten;
END $$;
