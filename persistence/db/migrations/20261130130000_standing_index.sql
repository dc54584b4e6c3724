-- +goose Up

-- Overviews count by it who has not the usual role or account, and since when people are invited.
CREATE INDEX users_standing_idx ON users (environment_path, id, role, state, active, created_at)
    WHERE (role <> 1) OR (state <> 0) OR (NOT active);
-- They name the organizations that have hardly an admin who can act, and count sign-ins by day.
CREATE INDEX users_acting_idx ON users (environment_path, organization_id) WHERE (role = 3) AND active AND (state = 0);
CREATE INDEX audit_sign_ins_idx ON audit (organization_id, at, id, environment_path, times)
    WHERE action = 'signin:success';
CREATE INDEX audit_all_sign_ins_idx ON audit (at, id, environment_path, times) WHERE action = 'signin:success';
