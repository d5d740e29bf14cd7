-- The words of a line about a request that was forgotten go with it, also of what was sent.

CREATE OR REPLACE FUNCTION handoffs_guard_line() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
    its_state text;
BEGIN
    SELECT state INTO its_state FROM handoffs_handoff WHERE id = coalesce(OLD.handoff_id, NEW.handoff_id);
    IF its_state = 'draft' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.title = 'forgotten' AND NEW.answer_text IN ('', 'forgotten')
        AND (NEW.next_step, NEW.condition, NEW.sentence) = ('', '', '') AND EXISTS (
        SELECT FROM approvals_approvalrequest r
            WHERE r.id = OLD.item_id AND r.forgotten_at IS NOT NULL)
    THEN
        OLD.title := NEW.title;
        OLD.answer_text := NEW.answer_text;
        OLD.next_step := '';
        OLD.condition := '';
        OLD.sentence := '';
        IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
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
