-- +goose Up

-- How far people were told of the demands of an environment that count later, as in sign_in_rules: which demands these
-- were, when that began, how many of the reminders have come (0 is the announcement), behind which place and user it
-- goes on, and whether all were told. Each machine has all of them, as it has the rules.
CREATE TABLE sign_in_reminders (
    organization_id bigint NOT NULL,
    environment_id  bigint NOT NULL,
    people          bigint NOT NULL,
    admins          bigint NOT NULL,
    grace_until     bigint NOT NULL,
    begun_at        bigint NOT NULL,
    stage           bigint NOT NULL,
    after_path      text COLLATE {{.Bytewise}} NOT NULL,
    after_id        bigint NOT NULL,
    done            boolean NOT NULL,
    CONSTRAINT sign_in_reminders_pkey PRIMARY KEY (environment_id, organization_id)
) {{.StoredByKey}};
