-- +goose Up

-- Whether people at home in and below an environment sign in by a provider of their organization only.
ALTER TABLE sign_in_rules ADD COLUMN only_provider boolean NOT NULL DEFAULT false;

-- The accounts that such a rule leaves out, so that there is a way in when no provider answers. They are of the
-- environment's organization. Each machine has all, as it has the rules.
CREATE TABLE break_glass (
    organization_id  bigint NOT NULL,
    environment_id   bigint NOT NULL,
    environment_path text COLLATE {{.Bytewise}} NOT NULL,
    user_id          bigint NOT NULL,
    CONSTRAINT break_glass_pkey PRIMARY KEY (environment_id, organization_id, user_id)
) {{.StoredByKey}};
