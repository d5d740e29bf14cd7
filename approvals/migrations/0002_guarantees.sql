-- The rules that must hold whoever writes. Comments name the invariant of docs/architecture.md.

-- The states of a request, a second time (the first is approvals/models/request.py; a test compares).
CREATE TABLE approvals_transition (
    verb text NOT NULL, source text NOT NULL, target text NOT NULL,
    PRIMARY KEY (verb, source, target)
);
INSERT INTO approvals_transition (verb, source, target) VALUES
    ('submit', 'new', 'pending'),
    ('submit', 'new', 'approved'),
    ('approve', 'pending', 'pending'),
    ('approve', 'pending', 'approved'),
    ('reject', 'pending', 'rejected'),
    ('send_back', 'pending', 'sent_back'),
    ('resubmit', 'sent_back', 'pending'),
    ('resubmit', 'pending', 'pending'),
    ('withdraw', 'pending', 'withdrawn'),
    ('withdraw', 'sent_back', 'withdrawn'),
    ('withdraw', 'approved', 'withdrawn'),
    ('withdraw', 'needs_person', 'withdrawn'),
    ('take_back', 'approved', 'pending'),
    ('expire', 'pending', 'expired'),
    ('expire', 'sent_back', 'expired'),
    ('start', 'approved', 'executing'),
    ('start', 'retrying', 'executing'),
    ('succeed', 'executing', 'done'),
    ('succeed', 'in_doubt', 'done'),
    ('postpone', 'executing', 'retrying'),
    ('postpone', 'in_doubt', 'retrying'),
    ('lose_track', 'executing', 'in_doubt'),
    ('give_up', 'approved', 'needs_person'),
    ('give_up', 'executing', 'needs_person'),
    ('give_up', 'retrying', 'needs_person'),
    ('give_up', 'in_doubt', 'needs_person'),
    ('try_again', 'needs_person', 'retrying'),
    ('try_again', 'retrying', 'retrying'),
    ('settle', 'in_doubt', 'done'),
    ('settle', 'in_doubt', 'needs_person'),
    ('settle', 'needs_person', 'done'),
    ('settle', 'needs_person', 'needs_person'),
    ('report_late_failure', 'done', 'needs_person');

-- I3: each update raises the version by exactly one, and the version is the number of events.
-- I5: the approved content changes only as a new revision, and only while nobody acts on it.
CREATE FUNCTION approvals_guard_request() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.version <> 1 OR NEW.revision <> 1 OR NOT EXISTS (
            SELECT FROM approvals_transition WHERE source = 'new' AND target = NEW.state) THEN
            RAISE EXCEPTION 'a request cannot begin as % with version %', NEW.state, NEW.version
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION '%: a change raises the version by one, not from % to %',
            OLD.ref, OLD.version, NEW.version USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT FROM approvals_transition WHERE source = OLD.state AND target = NEW.state) THEN
        RAISE EXCEPTION '%: % cannot become %', OLD.ref, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.ref, NEW.stream, NEW.kind, NEW.requested_by_id, NEW.requester_key, NEW.created_at)
        IS DISTINCT FROM
       (OLD.ref, OLD.stream, OLD.kind, OLD.requested_by_id, OLD.requester_key, OLD.created_at)
        OR NEW.policy_version_id <> OLD.policy_version_id AND NEW.revision = OLD.revision THEN
        RAISE EXCEPTION '%: who asked, what kind and under which policy never change', OLD.ref
            USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.payload, NEW.amount, NEW.currency, NEW.customer, NEW.reason, NEW.queue_id,
        NEW.content_hash) IS DISTINCT FROM
       (OLD.payload, OLD.amount, OLD.currency, OLD.customer, OLD.reason, OLD.queue_id,
        OLD.content_hash) OR NEW.revision <> OLD.revision THEN
        IF NEW.revision <> OLD.revision + 1 OR OLD.state NOT IN ('pending', 'sent_back')
            OR NEW.state <> 'pending' THEN
            RAISE EXCEPTION '%: content changes only as a new revision, before it is approved',
                OLD.ref USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approvals_request_is_guarded BEFORE INSERT OR UPDATE ON approvals_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION approvals_guard_request();

CREATE FUNCTION approvals_refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER approvals_request_stays BEFORE DELETE ON approvals_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION approvals_refuse();
CREATE TRIGGER approvals_request_is_not_truncated BEFORE TRUNCATE ON approvals_approvalrequest
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_refuse();

-- I3: a request without its event, or an event of a request without its change, can't commit.
ALTER TABLE approvals_approvalrequest
    ADD CONSTRAINT approvals_request_has_its_event
    FOREIGN KEY (stream, version) REFERENCES audit_stream (stream, seq)
    DEFERRABLE INITIALLY DEFERRED;

-- A live policy is what people approved under; a decision is what somebody said.
CREATE TRIGGER approvals_policy_version_is_final
    BEFORE UPDATE OR DELETE ON approvals_policyversion
    FOR EACH ROW EXECUTE FUNCTION approvals_refuse();

CREATE FUNCTION approvals_guard_decision() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL THEN
        OLD.voided_at := NEW.voided_at;
        IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'a decision stays as it was said; it can only be voided, once'
        USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER approvals_decision_is_final BEFORE UPDATE OR DELETE ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION approvals_guard_decision();

-- I1: the key towards the provider never rotates, the fencing counter never goes back, and what
-- was once sent stays sent.
CREATE FUNCTION approvals_guard_effect() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.key <> OLD.key OR NEW.item_id <> OLD.item_id OR NEW.epoch < OLD.epoch
        OR NEW.attempts < OLD.attempts
        OR OLD.first_sent_at IS NOT NULL AND NEW.first_sent_at IS DISTINCT FROM OLD.first_sent_at
        OR OLD.settled_at IS NOT NULL AND NEW.settled_at IS NULL
    THEN
        RAISE EXCEPTION 'effect %: its key, its epoch and what was sent never go back', OLD.key
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approvals_effect_is_guarded BEFORE UPDATE ON approvals_effect
    FOR EACH ROW EXECUTE FUNCTION approvals_guard_effect();

CREATE FUNCTION approvals_guard_attempt() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.finished_at IS NOT NULL
        OR (NEW.effect_id, NEW.number, NEW.epoch, NEW.purpose, NEW.started_at)
            IS DISTINCT FROM (OLD.effect_id, OLD.number, OLD.epoch, OLD.purpose, OLD.started_at)
    THEN
        RAISE EXCEPTION 'what was tried stays as it was recorded'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER approvals_attempt_is_final BEFORE UPDATE OR DELETE ON approvals_attempt
    FOR EACH ROW EXECUTE FUNCTION approvals_guard_attempt();

ALTER TABLE approvals_approvalrequest ENABLE ALWAYS TRIGGER approvals_request_is_guarded;
ALTER TABLE approvals_approvalrequest ENABLE ALWAYS TRIGGER approvals_request_stays;
ALTER TABLE approvals_approvalrequest ENABLE ALWAYS TRIGGER approvals_request_is_not_truncated;
ALTER TABLE approvals_policyversion ENABLE ALWAYS TRIGGER approvals_policy_version_is_final;
ALTER TABLE approvals_decision ENABLE ALWAYS TRIGGER approvals_decision_is_final;
ALTER TABLE approvals_effect ENABLE ALWAYS TRIGGER approvals_effect_is_guarded;
ALTER TABLE approvals_attempt ENABLE ALWAYS TRIGGER approvals_attempt_is_final;

-- References that people can say: one counter for each prefix, made at its first use.
CREATE FUNCTION approvals_next_reference(prefix text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    counter text := 'approvals_reference_' || lower(prefix);
BEGIN
    IF prefix !~ '^[A-Z]{2,4}$' THEN
        RAISE EXCEPTION 'a prefix is two to four capital letters, not %', prefix;
    END IF;
    IF to_regclass(counter) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext(counter));
        EXECUTE format('CREATE SEQUENCE IF NOT EXISTS %I START 1001', counter);
    END IF;
    RETURN prefix || '-' || nextval(counter);
END $$;
