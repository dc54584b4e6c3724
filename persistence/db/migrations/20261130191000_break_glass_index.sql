-- +goose Up

-- By it is found whether somebody is an account for emergencies, and where. Those of places are found by the places.
CREATE INDEX break_glass_user_idx ON break_glass (organization_id, user_id);
