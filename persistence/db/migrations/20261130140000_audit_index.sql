-- +goose Up

-- What the audit trail is searched by, in its order: who did something, what was done, and to what. Whoever reads one
-- organization names only actors of their own.
CREATE INDEX audit_organization_actor_idx ON audit (organization_id, actor_organization_id, actor_key, at, id);
CREATE INDEX audit_actor_idx ON audit (actor_key, at, id);
CREATE INDEX audit_organization_action_idx ON audit (organization_id, action, at, id);
CREATE INDEX audit_action_idx ON audit (action, at, id);
CREATE INDEX audit_target_idx ON audit (target_key, organization_id, at, id);
