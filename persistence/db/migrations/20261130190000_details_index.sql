-- +goose Up

-- People are listed by ranges of phone numbers, and found by whether they have an attribute at all.
CREATE INDEX users_phone_idx ON users (phone_key, id) WHERE phone_key <> '';
CREATE INDEX users_organization_phone_idx ON users (organization_id, phone_key, id) WHERE phone_key <> '';
CREATE INDEX user_attributes_name_idx ON user_attributes (name, organization_id, user_id);
-- Groups of many organizations are listed by their names.
CREATE INDEX groups_alias_idx ON groups (alias COLLATE {{.Bytewise}}, environment_path, id);
{{if .Trigrams}}
-- The parts of three characters of what few have, and with their places, as digits come again and again: what of them
-- is looked for is found and nothing else. The columns of the organization are as in users_words.
CREATE VIRTUAL TABLE users_words_details USING fts5(organization, organization_high, phone, mobile, description,
    content='', contentless_delete=1, tokenize='trigram case_sensitive 1');

-- +goose StatementBegin
CREATE TRIGGER users_words_details_insert AFTER INSERT ON users WHEN new.phone_key <> '' BEGIN
    {{.Trigrams.Details "new.organization_id" "new.id"}};
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_words_details_delete AFTER DELETE ON users BEGIN
    DELETE FROM users_words_details WHERE rowid = old.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_words_details_update AFTER UPDATE OF organization_id, id, phone_key ON users
    WHEN new.organization_id <> old.organization_id OR new.id <> old.id OR new.phone_key <> old.phone_key BEGIN
    DELETE FROM users_words_details WHERE rowid = old.id;
    {{.Trigrams.Details "new.organization_id" "new.id"}};
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_words_details_attribute_insert AFTER INSERT ON user_attributes
    WHEN new.name IN ('mobile', 'description') BEGIN
    DELETE FROM users_words_details WHERE rowid = new.user_id;
    {{.Trigrams.Details "new.organization_id" "new.user_id"}};
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_words_details_attribute_delete AFTER DELETE ON user_attributes
    WHEN old.name IN ('mobile', 'description') BEGIN
    DELETE FROM users_words_details WHERE rowid = old.user_id;
    {{.Trigrams.Details "old.organization_id" "old.user_id"}};
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_words_details_attribute_update AFTER UPDATE ON user_attributes
    WHEN old.name IN ('mobile', 'description') OR new.name IN ('mobile', 'description') BEGIN
    DELETE FROM users_words_details WHERE rowid = old.user_id;
    {{.Trigrams.Details "new.organization_id" "new.user_id"}};
END;
-- +goose StatementEnd
{{.Trigrams.Details "r.organization_id" "r.id"}} ORDER BY d.id;
{{end}}
