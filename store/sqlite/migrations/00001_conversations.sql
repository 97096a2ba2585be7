-- The event log and what is derived from it. Identities are the integers of conversation.ID, times are microseconds
-- since 1970, documents are the public JSON of package conversation. The log refers to nothing, so that no event can be
-- refused because another one is missing.

-- +goose Up
CREATE TABLE events (
    position        INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL,
    seq             INTEGER NOT NULL CHECK (seq > 0),
    type            TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    doc             TEXT    NOT NULL,
    UNIQUE (conversation_id, seq)
);

CREATE TABLE conversations (
    id           INTEGER PRIMARY KEY,
    status       TEXT    NOT NULL,
    direction    TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    from_address TEXT    NOT NULL,
    to_address   TEXT    NOT NULL,
    node         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    doc          TEXT    NOT NULL,
    analysis     TEXT
);
-- The addresses are in the index so that a search for a part of one does not have to visit the documents.
CREATE INDEX conversations_created_at ON conversations (created_at, id, from_address, to_address);
CREATE INDEX conversations_status ON conversations (status, created_at);

CREATE TABLE utterances (
    id              INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL,
    role            TEXT    NOT NULL,
    start_ms        INTEGER NOT NULL,
    text            TEXT    NOT NULL,
    doc             TEXT    NOT NULL
);
CREATE INDEX utterances_conversation ON utterances (conversation_id, start_ms);

CREATE TABLE matches (
    id              INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL,
    utterance_id    INTEGER NOT NULL,
    tracker_id      TEXT    NOT NULL,
    tracker         TEXT    NOT NULL,
    provisional     INTEGER NOT NULL,
    start_ms        INTEGER NOT NULL,
    doc             TEXT    NOT NULL
);
CREATE INDEX matches_conversation ON matches (conversation_id, start_ms);
CREATE INDEX matches_tracker ON matches (tracker, conversation_id);

CREATE TABLE analyses (
    conversation_id INTEGER NOT NULL,
    seq             INTEGER NOT NULL,
    producer        TEXT    NOT NULL,
    at              INTEGER NOT NULL,
    doc             TEXT    NOT NULL,
    PRIMARY KEY (conversation_id, seq)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE analyses;
DROP TABLE matches;
DROP TABLE utterances;
DROP TABLE conversations;
DROP TABLE events;
