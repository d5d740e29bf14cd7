-- Events %(first)s to %(last)s of %(events)s, spread over %(days)s days up to now, most of them by day.
-- Blocks of 5,000: 500 requests with nine events each, which take turns, and 500 events of other things.
INSERT INTO audit_event (id, stream, seq, occurred_at, recorded_at, actor_type, actor_id, actor_label,
    on_behalf_of, auth_method, action, target_type, target_id, version_before, version_after, outcome,
    reason_code, reason, policy, changes, facts, context, key_hash, row, schema_version, private_row, salt,
    commitments, prev_hash, hash)
WITH counted AS (
    SELECT n, (n - 1) / 5000 AS block, (n - 1) %% 10 = 9 AS is_other,
        (n - 1) %% 5000 / 10 * 9 + (n - 1) %% 10 AS turn,
        (hashint8(n) & 65535) / 65536.0::float8 AS chance,
        (hashint8(-n) & 65535) / 65536.0::float8 AS other_chance,
        (n::float8 / %(events)s) * %(days)s AS day
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
),
placed AS (
    SELECT *, block * 500 + turn %% 500 + 1 AS request, turn / 500 + 1 AS step, day - floor(day) AS part,
        -- People who left after the first month are 301 to 310; of others a few do most.
        CASE WHEN day < 30 AND n %% 500 = 0 THEN 301 + n / 500 %% 10
            ELSE 1 + floor(300 * chance * chance) END::bigint AS person
    FROM counted
),
told AS (
    SELECT *,
        %(ends)s::timestamptz - make_interval(days => %(days)s) + make_interval(days => floor(day)::int)
            + make_interval(secs => 3600 * CASE WHEN part < 0.05 THEN part * 140
                WHEN part < 0.95 THEN 7 + (part - 0.05) * 12 / 0.9 ELSE 19 + (part - 0.95) * 100 END) AS at,
        CASE WHEN n %% 50000 = 0 THEN 'policy.publish'
            WHEN n %% 250000 = 10 THEN 'admin.delete'
            WHEN is_other THEN (ARRAY['person.sign_in', 'audit.read', 'person.sign_in', 'person.settings',
                'webhook.change', 'handoff.start', 'handoff.send', 'audit.read'])[1 + floor(8 * other_chance)]
            ELSE (ARRAY['request.submit', 'request.claim', 'request.note', 'request.approve',
                CASE WHEN other_chance < 0.1 THEN 'request.reject' ELSE 'request.approve' END,
                'request.start', CASE WHEN other_chance < 0.05 THEN 'request.postpone'
                    WHEN other_chance < 0.06 THEN 'request.lose_track' ELSE 'request.succeed' END,
                'request.hear', 'request.copy_reply'])[step] END AS action,
        CASE WHEN chance < 0.012 THEN 'denied' WHEN chance < 0.019 THEN 'failed'
            WHEN chance < 0.02 THEN 'in_doubt' ELSE 'success' END AS outcome,
        CASE WHEN is_other OR step < 6 OR step = 9 THEN 'person' WHEN step = 8 THEN 'provider'
            ELSE 'worker' END AS actor_type
    FROM placed
)
SELECT 10000000 + n, CASE WHEN is_other THEN 'person/' || person ELSE 'request/RF-' || 1000000 + request END,
    CASE WHEN is_other THEN n ELSE step END, at, at + interval '20 milliseconds', actor_type,
    CASE actor_type WHEN 'person' THEN person::text WHEN 'worker' THEN 'host-' || n %% 4 ELSE 'stripe' END,
    CASE actor_type WHEN 'person' THEN 'Person ' || person ELSE 'Approval Queue' END,
    '', CASE actor_type WHEN 'person' THEN 'session' ELSE '' END, action,
    CASE WHEN is_other THEN split_part(action, '.', 1) ELSE 'request' END,
    CASE WHEN is_other THEN person::text ELSE 'RF-' || 1000000 + request END,
    CASE WHEN is_other THEN NULL ELSE step - 1 END, CASE WHEN is_other THEN NULL ELSE step END, outcome,
    CASE outcome WHEN 'denied' THEN 'no-grant' ELSE '' END,
    CASE WHEN chance < 0.3 THEN 'The carrier confirmed that the parcel is lost.' ELSE '' END,
    CASE WHEN is_other THEN '' ELSE 'refunds v3' END, '[]',
    jsonb_build_object('state', 'pending', 'revision', 1),
    jsonb_build_object('request_id', md5(n::text), 'source_ip', '10.0.' || n %% 250 || '.7',
        'trace_id', md5((-n)::text), 'correlation_id',
        CASE WHEN is_other THEN 'c' || n ELSE 'r' || request || '-' || step / 3 END),
    '', jsonb_build_object('state', 'pending', 'version', step, 'updated_at', at), 2, '{}',
    decode(md5(n::text), 'hex'), '{}', sha256(int8send(n)), sha256(int8send(-n))
FROM told
