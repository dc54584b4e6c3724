-- +goose Up

-- People are listed by these inside an organization, and by mail address everywhere.
CREATE INDEX users_organization_alias_idx ON users (organization_id, alias_key, id);
CREATE INDEX users_organization_name_idx ON users (organization_id, last_name_key, first_name_key, id);
CREATE INDEX users_organization_connected_idx ON users (organization_id, last_connected_at, id);
CREATE INDEX users_organization_mail_idx ON users (organization_id, mail_key, id);
CREATE INDEX users_mail_key_idx ON users (mail_key, id);
-- Most people have the least role and an account in use: who has not is found here, by place, as lists are read.
CREATE INDEX users_unusual_idx ON users (environment_path, id, role, state, active)
    WHERE (role <> 1) OR (state <> 0) OR (NOT active);
-- Who is blocked somewhere, and who is allowed something of another organization.
CREATE INDEX user_environments_blocked_idx ON user_environments (organization_id, user_id) WHERE blocked;
CREATE INDEX user_environments_outside_idx ON user_environments (organization_id, user_id)
    WHERE (NOT blocked) AND (environment_organization_id <> organization_id);
{{if .Trigrams}}
-- The parts of three characters of what people are searched by. A rowid is the number of the user. Two control
-- characters stand before each text, which has none, so that beginnings are parts too. The columns of the
-- organization hold its number as three control characters for each 18 bits; the higher ones are mostly empty.
CREATE VIRTUAL TABLE users_words USING fts5(organization, organization_high, alias, first_name, last_name, mail, phone,
    content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1');

-- The index is the engine's as others are, and true whoever writes to the table.
-- +goose StatementBegin
CREATE TRIGGER users_words_insert AFTER INSERT ON users BEGIN
    {{.Trigrams.Of "new"}};
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_words_delete AFTER DELETE ON users BEGIN
    DELETE FROM users_words WHERE rowid = old.id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_words_update AFTER UPDATE OF organization_id, id, alias_key, first_name_key, last_name_key,
    mail_key, phone_key ON users WHEN new.organization_id <> old.organization_id OR new.id <> old.id
        OR new.alias_key <> old.alias_key OR new.first_name_key <> old.first_name_key
        OR new.last_name_key <> old.last_name_key OR new.mail_key <> old.mail_key OR new.phone_key <> old.phone_key BEGIN
    DELETE FROM users_words WHERE rowid = old.id;
    {{.Trigrams.Of "new"}};
END;
-- +goose StatementEnd
{{.Trigrams.Of "u"}} FROM users AS u ORDER BY u.id;
{{end}}
