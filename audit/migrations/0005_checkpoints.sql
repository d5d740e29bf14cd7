-- Leaves, nodes, checkpoints and the list of their copies are only ever added.
DO $$
DECLARE
    kept text;
BEGIN
    FOREACH kept IN ARRAY ARRAY['audit_leaf', 'audit_node', 'audit_checkpoint', 'audit_copy'] LOOP
        EXECUTE format('CREATE TRIGGER %1$s_is_append_only BEFORE UPDATE OR DELETE ON %1$I'
            ' FOR EACH ROW EXECUTE FUNCTION audit_refuse()', kept);
        EXECUTE format('CREATE TRIGGER %1$s_is_not_truncated BEFORE TRUNCATE ON %1$I'
            ' FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()', kept);
        EXECUTE format('ALTER TABLE %1$I ENABLE ALWAYS TRIGGER %1$s_is_append_only', kept);
        EXECUTE format('ALTER TABLE %1$I ENABLE ALWAYS TRIGGER %1$s_is_not_truncated', kept);
    END LOOP;
END $$;
