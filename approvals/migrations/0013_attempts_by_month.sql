-- Attempts stand in one part for each month, as events do (audit 0007).
SELECT audit_put_into_months('approvals_attempt', 'started_at');
CREATE INDEX attempt_number ON approvals_attempt (effect_id, number);

-- A unique index of a table in parts would have to hold the time, too. So the effect is locked, as
-- whoever begins an attempt has it locked already, and looked at: each number is given once.
CREATE FUNCTION approvals_number_attempt() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM approvals_effect WHERE id = NEW.effect_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM approvals_attempt a
        WHERE a.effect_id = NEW.effect_id AND a.number = NEW.number)
    THEN
        RAISE EXCEPTION 'attempt % of effect % is there already', NEW.number, NEW.effect_id
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'attempt_number';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approvals_attempt_is_numbered BEFORE INSERT ON approvals_attempt
    FOR EACH ROW EXECUTE FUNCTION approvals_number_attempt();
ALTER TABLE approvals_attempt ENABLE ALWAYS TRIGGER approvals_attempt_is_numbered;
