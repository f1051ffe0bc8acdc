-- The audit trail: one row a call. The id is the time that the call came, so that times are ranges of ids.
CREATE TABLE audit_events (
    id         INTEGER PRIMARY KEY,  -- epoch microseconds, unique
    request_id TEXT    NOT NULL,
    region     TEXT    NOT NULL,
    source     TEXT    NOT NULL,     -- s3.amazonaws.com
    name       TEXT    NOT NULL,     -- PutObject
    read_only  INTEGER NOT NULL,
    arn        TEXT    NOT NULL,     -- who; empty where nobody could be told
    principal  TEXT    NOT NULL,
    username   TEXT    NOT NULL,
    access_key TEXT    NOT NULL,
    address    TEXT    NOT NULL,     -- from where
    agent      TEXT    NOT NULL,
    signed     TEXT    NOT NULL,     -- AuthHeader, QueryString, or empty
    error      TEXT    NOT NULL,     -- the error's code; empty if it was done
    resources  TEXT    NOT NULL      -- JSON: lists of member, type, name
);
