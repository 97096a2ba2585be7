-- +goose Up
CREATE TABLE webhook_delivery (
    id              INTEGER PRIMARY KEY,
    endpoint        TEXT    NOT NULL,
    conversation_id TEXT    NOT NULL,
    seq             INTEGER NOT NULL, -- of the event within its conversation
    event_type      TEXT    NOT NULL,
    webhook_id      TEXT    NOT NULL,
    payload         BLOB    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'given_up')),
    attempts        INTEGER NOT NULL DEFAULT 0,
    status_code     INTEGER NOT NULL DEFAULT 0, -- of the last response; 0 when there was none
    error           TEXT    NOT NULL DEFAULT '',
    created_at      INTEGER NOT NULL, -- milliseconds since 1970, as the other times
    next_attempt_at INTEGER NOT NULL,
    settled_at      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (conversation_id, endpoint, seq)
);
CREATE INDEX webhook_delivery_settled ON webhook_delivery (settled_at) WHERE state <> 'pending';

-- +goose Down
DROP TABLE webhook_delivery;
