-- Who changed which tracker when. The versions hold what was changed; this also tells of deletions.

-- +goose Up
CREATE TABLE tracker_changes (
    id         INTEGER PRIMARY KEY,
    tracker_id TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    made_by    TEXT    NOT NULL,
    at         INTEGER NOT NULL
);

-- +goose Down
DROP TABLE tracker_changes;
