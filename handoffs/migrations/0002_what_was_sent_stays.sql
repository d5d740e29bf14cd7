-- What was sent stays as it was sent, and an answer is final, whoever writes.

-- A sent report keeps its words; a handoff that has ended does not change at all.
CREATE FUNCTION handoffs_guard_handoff() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'handoff %: a change raises the version by one, not from % to %',
            OLD.id, OLD.version, NEW.version USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('done', 'withdrawn') OR OLD.state = 'sent' AND NEW.state = 'draft' THEN
        RAISE EXCEPTION 'handoff %: % cannot become %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.team_id, NEW.sender_id, NEW.receiver_id, NEW.shift_from, NEW.shift_to, NEW.created_at)
        IS DISTINCT FROM
       (OLD.team_id, OLD.sender_id, OLD.receiver_id, OLD.shift_from, OLD.shift_to, OLD.created_at)
    OR OLD.state = 'sent' AND
       (NEW.note, NEW.nones, NEW.changed, NEW.left_out, NEW.filled_at, NEW.sent_at)
        IS DISTINCT FROM
       (OLD.note, OLD.nones, OLD.changed, OLD.left_out, OLD.filled_at, OLD.sent_at) THEN
        RAISE EXCEPTION 'handoff %: what was sent does not change', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER handoffs_handoff_is_guarded BEFORE UPDATE ON handoffs_handoff
    FOR EACH ROW EXECUTE FUNCTION handoffs_guard_handoff();

-- Lines are written and removed in a draft only; afterwards each takes one answer.
CREATE FUNCTION handoffs_guard_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    its_state text;
BEGIN
    SELECT state INTO its_state FROM handoffs_handoff WHERE id = coalesce(OLD.handoff_id, NEW.handoff_id);
    IF its_state = 'draft' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP <> 'UPDATE' OR its_state <> 'sent' OR OLD.answer <> '' OR
       (NEW.handoff_id, NEW.section, NEW.place, NEW.item_id, NEW.next_step, NEW.condition, NEW.to_id,
        NEW.title, NEW.label, NEW.tone, NEW.sentence, NEW.owner)
        IS DISTINCT FROM
       (OLD.handoff_id, OLD.section, OLD.place, OLD.item_id, OLD.next_step, OLD.condition, OLD.to_id,
        OLD.title, OLD.label, OLD.tone, OLD.sentence, OLD.owner) THEN
        RAISE EXCEPTION 'handoff %: what was sent does not change, and answers are final',
            coalesce(OLD.handoff_id, NEW.handoff_id) USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER handoffs_line_is_guarded BEFORE INSERT OR UPDATE OR DELETE ON handoffs_line
    FOR EACH ROW EXECUTE FUNCTION handoffs_guard_line();
