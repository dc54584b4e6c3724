-- +goose Up

-- The identity providers of an organization (OpenID Connect). sealed is the secret of the client, under the server's
-- key. subject is the claim that says who somebody is. newcomers says for whom accounts are made: 0 nobody, 1 those for
-- whom there is a rule, 2 everybody. rules are JSON; most_role and most_mask are what whoever wrote them had.
CREATE TABLE providers (
    organization_id bigint NOT NULL,
    id              text COLLATE {{.Bytewise}} NOT NULL,
    name            text NOT NULL,
    issuer          text COLLATE {{.Bytewise}} NOT NULL,
    client_id       text NOT NULL,
    sealed          text NOT NULL,
    scopes          text NOT NULL,
    subject         text NOT NULL,
    domains         text NOT NULL,
    enabled         boolean NOT NULL,
    trusts_strong   boolean NOT NULL,
    newcomers       bigint NOT NULL,
    rules           text NOT NULL,
    most_role       bigint NOT NULL,
    most_mask       bigint NOT NULL,
    created_at      bigint NOT NULL,
    created_by      text NOT NULL,
    CONSTRAINT providers_pkey PRIMARY KEY (organization_id, id),
    CONSTRAINT providers_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE UNIQUE INDEX providers_issuer_key ON providers (organization_id, issuer);

-- Which provider people are led to by the domain of their mail address.
CREATE TABLE provider_domains (
    name            text COLLATE {{.Bytewise}} NOT NULL,
    organization_id bigint NOT NULL,
    provider_id     text COLLATE {{.Bytewise}} NOT NULL,
    CONSTRAINT provider_domains_pkey PRIMARY KEY (name)
) {{.StoredByKey}};

-- Whose account somebody at an issuer gets into. A link outlives its account, so that who it was for never gets into
-- another one.
CREATE TABLE provider_links (
    organization_id bigint NOT NULL,
    issuer          text COLLATE {{.Bytewise}} NOT NULL,
    subject         text COLLATE {{.Bytewise}} NOT NULL,
    user_id         bigint NOT NULL,
    shown           text NOT NULL,
    linked_by       text NOT NULL,
    created_at      bigint NOT NULL,
    CONSTRAINT provider_links_pkey PRIMARY KEY (organization_id, issuer, subject),
    CONSTRAINT provider_links_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES organizations (organization_id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX provider_links_user_id_idx ON provider_links (organization_id, user_id);

-- By which session at an issuer a session was begun. theirs is what the issuer calls that, empty if it does not say.
CREATE TABLE provider_sessions (
    organization_id bigint NOT NULL,
    user_id         bigint NOT NULL,
    session_id      text COLLATE {{.Bytewise}} NOT NULL,
    issuer          text COLLATE {{.Bytewise}} NOT NULL,
    subject         text COLLATE {{.Bytewise}} NOT NULL,
    theirs          text COLLATE {{.Bytewise}} NOT NULL,
    CONSTRAINT provider_sessions_pkey PRIMARY KEY (organization_id, user_id, session_id),
    CONSTRAINT provider_sessions_session_id_fkey FOREIGN KEY (organization_id, user_id, session_id)
        REFERENCES sessions (organization_id, user_id, id) ON DELETE CASCADE
) {{.StoredByKey}};
CREATE INDEX provider_sessions_subject_idx ON provider_sessions (organization_id, issuer, subject);
