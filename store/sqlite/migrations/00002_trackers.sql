-- Trackers and every version they ever had. A deleted tracker keeps its history: matches refer to it.

-- +goose Up
CREATE TABLE trackers (
    id      TEXT    PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    doc     TEXT    NOT NULL
);

CREATE TABLE tracker_versions (
    tracker_id TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    doc        TEXT    NOT NULL,
    PRIMARY KEY (tracker_id, version)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE tracker_versions;
DROP TABLE trackers;
