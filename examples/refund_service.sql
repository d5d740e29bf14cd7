-- The shop's tables for refund_service.py. Run once: sqlite3 shop.sqlite3 < refund_service.sql

-- The shop inserts `body`, the JSON of `POST /requests`, in the transaction in which it promises the
-- refund. The key is born with the row: it is there before anything is sent, and never changes.
CREATE TABLE refunds (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
    body TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    ref TEXT UNIQUE,  -- the request, once there is an answer
    refused TEXT      -- or why there is none
);

-- What the feed has brought, by reference: it may speak of a request before its answer is kept.
CREATE TABLE states (ref TEXT PRIMARY KEY, state TEXT NOT NULL);

-- How far the feed is read, as the parameter of the next call.
CREATE TABLE place (name TEXT PRIMARY KEY CHECK (name = 'after'), cursor TEXT NOT NULL);

-- A key is kept for 7 days; after that it would ask anew. What is older, a person looks up first.
CREATE VIEW wanted AS
    SELECT id, key, body FROM refunds
    WHERE ref IS NULL AND refused IS NULL AND created_at > datetime('now', '-6 days') ORDER BY id;
CREATE VIEW for_a_person AS
    SELECT * FROM refunds
    WHERE refused IS NOT NULL OR (ref IS NULL AND created_at <= datetime('now', '-6 days'));

-- Where each refund stands, for the shop's own pages.
CREATE VIEW standing AS
    SELECT refunds.*, states.state FROM refunds LEFT JOIN states USING (ref);
