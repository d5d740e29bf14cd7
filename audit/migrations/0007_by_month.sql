-- Tables that grow for ever stand in one part for each month, so that an old month can be taken out
-- whole (manage.py archive_month). What comes for a month without a part goes to the part "_default".

-- Make the parts of `kept` from the month of `first` to that of `last`; how many are new. The
-- application may call it, of tables that are in parts already. A month of which the default part
-- holds something gets none: the doctor tells of it.
CREATE FUNCTION audit_make_months(kept text, first date, last date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    starts date := date_trunc('month', first);
    part text;
    made integer := 0;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = to_regclass(kept)) THEN
        RAISE EXCEPTION '% is not kept by month', kept USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF last > first + 36525 THEN
        RAISE EXCEPTION 'more than a hundred years' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('audit_make_months'), hashtext(kept));
    WHILE starts <= last LOOP
        part := kept || to_char(starts, '_YYYY_MM');
        IF to_regclass(part) IS NULL THEN
            BEGIN
                PERFORM audit_make_part(kept, part, starts);
                made := made + 1;
            EXCEPTION
                WHEN invalid_object_definition THEN NULL;  -- a wider part holds this month
                WHEN check_violation THEN NULL;  -- the default part does
            END;
        END IF;
        starts := starts + interval '1 month';
    END LOOP;
    RETURN made;
END $$;

CREATE FUNCTION audit_make_part(kept text, part text, starts date) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL EXCLUDING IDENTITY)', part, kept);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', kept, part,
        starts::text || ' 00:00:00+00', (starts + interval '1 month')::date::text || ' 00:00:00+00');
    PERFORM audit_guard_part(part);
END $$;
REVOKE EXECUTE ON FUNCTION audit_make_part(text, text, date) FROM PUBLIC;

-- Triggers for each row come from the whole table; that nothing is truncated must be said of each
-- part. All of them also count under session_replication_role = replica.
CREATE FUNCTION audit_guard_part(part text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    guard name;
BEGIN
    EXECUTE format('CREATE TRIGGER part_is_not_truncated BEFORE TRUNCATE ON %I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', part);
    FOR guard IN SELECT tgname FROM pg_trigger
        WHERE tgrelid = part::regclass AND NOT tgisinternal AND tgenabled <> 'A'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', part, guard);
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION audit_guard_part(text) FROM PUBLIC;

-- Whether something came for a month that has no part.
CREATE FUNCTION audit_in_default(kept text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', kept || '_default') INTO found;
    RETURN found;
END $$;

-- Put a table into parts by the month of its column `key`. What it holds stays where it is and becomes
-- one part, up to the end of the present month (or of its newest row): nothing is copied, but a primary
-- key is built anew. Unique constraints cannot stay: the table's own triggers must see to them.
CREATE FUNCTION audit_put_into_months(kept text, key text) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    old text := kept || '_old';
    indexes text[];
    triggers text[];
    references_out text[];
    name_of text;
    ends date;
    next_id bigint;
BEGIN
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', kept);
    FOR name_of IN SELECT conname FROM pg_constraint
        WHERE conrelid = kept::regclass AND contype IN ('p', 'u')
    LOOP
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', kept, name_of);
    END LOOP;
    SELECT coalesce(array_agg(pg_get_indexdef(indexrelid)), '{}') INTO indexes
        FROM pg_index WHERE indrelid = kept::regclass;
    SELECT coalesce(array_agg(pg_get_triggerdef(oid)), '{}') INTO triggers
        FROM pg_trigger WHERE tgrelid = kept::regclass AND NOT tgisinternal;
    SELECT coalesce(array_agg(format('ALTER TABLE %I ADD CONSTRAINT %I %s', kept, conname,
        pg_get_constraintdef(oid))), '{}') INTO references_out
        FROM pg_constraint WHERE conrelid = kept::regclass AND contype = 'f';
    EXECUTE format('SELECT coalesce(max(id), 0) + 1, greatest(date_trunc(''month'', now()),'
        ' date_trunc(''month'', max(%I))) + interval ''1 month'' FROM %I', key, kept)
        INTO next_id, ends;

    FOR name_of IN SELECT tgname FROM pg_trigger WHERE tgrelid = kept::regclass AND NOT tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %I', name_of, kept);
    END LOOP;
    FOR name_of IN SELECT relname FROM pg_index JOIN pg_class c ON c.oid = indexrelid
        WHERE indrelid = kept::regclass
    LOOP
        EXECUTE format('ALTER INDEX %I RENAME TO %I', name_of, left(name_of, 58) || '_old');
    END LOOP;
    EXECUTE format('ALTER TABLE %I ALTER COLUMN id DROP IDENTITY', kept);
    EXECUTE format('ALTER TABLE %I RENAME TO %I', kept, old);

    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS'
        ' INCLUDING GENERATED INCLUDING STORAGE) PARTITION BY RANGE (%I)', kept, old, key);
    EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (id, %I)', kept, key);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY'
        ' (START WITH %s)', kept, next_id);
    FOREACH name_of IN ARRAY indexes LOOP EXECUTE name_of; END LOOP;
    FOREACH name_of IN ARRAY references_out LOOP EXECUTE name_of; END LOOP;
    IF next_id = 1 THEN
        EXECUTE format('DROP TABLE %I', old);
    ELSE
        EXECUTE format('ALTER TABLE %I RENAME TO %I', old, kept || to_char(ends, '_before_YYYY_MM'));
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', kept,
            kept || to_char(ends, '_before_YYYY_MM'), ends::text || ' 00:00:00+00');
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', kept || '_default', kept);
    FOREACH name_of IN ARRAY triggers LOOP EXECUTE name_of; END LOOP;
    FOR name_of IN SELECT tgname FROM pg_trigger WHERE tgrelid = kept::regclass AND NOT tgisinternal
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER %I', kept, name_of);
    END LOOP;
    FOR name_of IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = kept::regclass
    LOOP
        PERFORM audit_guard_part(name_of);
    END LOOP;
    PERFORM audit_make_months(kept, (now() - interval '1 month')::date,
        (now() + interval '3 months')::date);
END $$;
REVOKE EXECUTE ON FUNCTION audit_put_into_months(text, text) FROM PUBLIC;

-- Of a part, too: its rows are of another type than the whole table's, and its name is another.
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND starts_with(TG_TABLE_NAME, 'audit_event') THEN
        IF audit_is_forgetting(to_jsonb(OLD), to_jsonb(NEW)) THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'events are only ever added: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

DROP FUNCTION audit_is_forgetting(audit_event, audit_event);
CREATE FUNCTION audit_is_forgetting(was jsonb, now jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT (was->>'schema_version')::int >= 2
        AND was->>'salt' IS NOT NULL AND now->>'salt' IS NULL
        AND now->>'reason' = '' AND now->'changes' = '[]'::jsonb AND now->'private_row' = '{}'::jsonb
        AND was - '{salt,reason,changes,private_row}'::text[]
          = now - '{salt,reason,changes,private_row}'::text[]
$$;

-- The number of an event in its stream is seen to by its head: audit_advance refuses any other.
SELECT audit_put_into_months('audit_event', 'recorded_at');
CREATE INDEX audit_event_place ON audit_event (stream, seq);
