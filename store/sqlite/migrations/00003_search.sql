-- Full-text search over what was said, by word stems. The index keeps no copy of the text; triggers keep it in step with utterances.

-- +goose Up
CREATE VIRTUAL TABLE utterance_text USING fts5 (
    text, content = 'utterances', content_rowid = 'id', tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO utterance_text (utterance_text) VALUES ('rebuild');

-- +goose StatementBegin
CREATE TRIGGER utterances_inserted AFTER INSERT ON utterances BEGIN
    INSERT INTO utterance_text (rowid, text) VALUES (new.id, new.text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER utterances_deleted AFTER DELETE ON utterances BEGIN
    INSERT INTO utterance_text (utterance_text, rowid, text) VALUES ('delete', old.id, old.text);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER utterances_updated AFTER UPDATE ON utterances BEGIN
    INSERT INTO utterance_text (utterance_text, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO utterance_text (rowid, text) VALUES (new.id, new.text);
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER utterances_updated;
DROP TRIGGER utterances_deleted;
DROP TRIGGER utterances_inserted;
DROP TABLE utterance_text;
