-- A request that has ended may be forgotten: what it says of its customer goes, and nothing else.

CREATE OR REPLACE FUNCTION approvals_guard_request() RETURNS trigger LANGUAGE plpgsql
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
    IF NEW.forgotten_at IS DISTINCT FROM OLD.forgotten_at THEN
        IF OLD.forgotten_at IS NOT NULL OR NEW.state <> OLD.state OR NEW.revision <> OLD.revision
            OR OLD.state NOT IN ('done', 'rejected', 'withdrawn', 'expired')
            OR (NEW.amount, NEW.currency, NEW.queue_id)
                IS DISTINCT FROM (OLD.amount, OLD.currency, OLD.queue_id)
            OR NEW.customer <> 'forgotten' OR NEW.reason <> '' OR NEW.ticket <> ''
        THEN
            RAISE EXCEPTION '%: only what has ended is forgotten, once, and as a whole', OLD.ref
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
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

CREATE OR REPLACE FUNCTION approvals_guard_decision() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL THEN
        OLD.voided_at := NEW.voided_at;
        OLD.voice := NEW.voice;  -- a generated column is not computed yet in a BEFORE trigger
        IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.reason = '' AND EXISTS (
        SELECT FROM approvals_approvalrequest r WHERE r.id = OLD.item_id
            AND r.forgotten_at IS NOT NULL AND r.content_hash = NEW.content_hash)
    THEN
        OLD.reason := '';
        OLD.content_hash := NEW.content_hash;
        OLD.voice := NEW.voice;
        IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'a decision stays as it was said; it can only be voided, once'
        USING ERRCODE = 'check_violation';
END $$;

CREATE OR REPLACE FUNCTION approvals_guard_attempt() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.evidence = '' AND EXISTS (
        SELECT FROM approvals_effect e JOIN approvals_approvalrequest r ON r.id = e.item_id
            WHERE e.id = OLD.effect_id AND r.forgotten_at IS NOT NULL)
    THEN
        OLD.evidence := '';
        IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NEW; END IF;
    END IF;
    IF TG_OP = 'DELETE' OR OLD.finished_at IS NOT NULL
        OR (NEW.effect_id, NEW.number, NEW.epoch, NEW.purpose, NEW.started_at)
            IS DISTINCT FROM (OLD.effect_id, OLD.number, OLD.epoch, OLD.purpose, OLD.started_at)
    THEN
        RAISE EXCEPTION 'what was tried stays as it was recorded'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

-- The words of people and providers about a request that was forgotten, and the hash of what it asked
-- for, which somebody could try guesses on: those of its decisions and effect become its new one.
CREATE FUNCTION approvals_forget(wanted bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    new_hash text;
BEGIN
    SELECT content_hash INTO new_hash FROM approvals_approvalrequest
        WHERE id = wanted AND forgotten_at IS NOT NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'request % was not forgotten', wanted USING ERRCODE = 'check_violation';
    END IF;
    UPDATE approvals_decision SET reason = '', content_hash = new_hash WHERE item_id = wanted;
    UPDATE approvals_effect SET content_hash = new_hash WHERE item_id = wanted;
    UPDATE approvals_attempt a SET evidence = '' FROM approvals_effect e
        WHERE e.id = a.effect_id AND e.item_id = wanted AND a.evidence <> '';
    UPDATE approvals_note SET text = '' WHERE item_id = wanted;
    UPDATE approvals_settlement SET evidence = '' WHERE item_id = wanted;
END $$;
