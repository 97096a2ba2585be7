-- What is learned from past conversations: verdicts on matches, re-runs of trackers over them, trackers that they recommend,
-- and the vectors of what was said, which cost more to compute than to keep.

-- +goose Up
CREATE TABLE reviews (
    subject_id      INTEGER NOT NULL, -- the match, or the utterance in which one was missed
    tracker_id      TEXT    NOT NULL,
    conversation_id INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    doc             TEXT    NOT NULL,
    PRIMARY KEY (subject_id, tracker_id)
);
CREATE INDEX reviews_conversation ON reviews (conversation_id);
CREATE INDEX reviews_tracker ON reviews (tracker_id, at);

CREATE TABLE reruns (
    id         INTEGER PRIMARY KEY,
    tracker_id TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    doc        TEXT    NOT NULL
);
CREATE INDEX reruns_tracker ON reruns (tracker_id, id);
CREATE UNIQUE INDEX reruns_active ON reruns (tracker_id) WHERE state IN ('waiting', 'running');

CREATE TABLE recommendations (
    id    INTEGER PRIMARY KEY,
    state TEXT NOT NULL,
    doc   TEXT NOT NULL
);
CREATE INDEX recommendations_state ON recommendations (state, id);

CREATE TABLE recommendation_runs (
    id  INTEGER PRIMARY KEY,
    doc TEXT NOT NULL
);

CREATE TABLE sentence_vectors (
    id      INTEGER PRIMARY KEY, -- grows, so that the oldest are removed first
    encoder TEXT NOT NULL,
    digest  BLOB NOT NULL,       -- of the text
    vector  BLOB NOT NULL,
    UNIQUE (encoder, digest)
);

-- +goose Down
DROP TABLE sentence_vectors;
DROP TABLE recommendation_runs;
DROP TABLE recommendations;
DROP TABLE reruns;
DROP TABLE reviews;
