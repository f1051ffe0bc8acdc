-- Records: every resource of every service. A version is unique over all time, so that a record deleted and made anew
-- under the same name cannot be mistaken for the old one.
CREATE TABLE records (
    region   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    status   TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    created  INTEGER NOT NULL,  -- epoch milliseconds
    modified INTEGER NOT NULL,
    body     TEXT    NOT NULL,  -- JSON
    PRIMARY KEY (region, kind, name)
);
CREATE INDEX records_by_status ON records (kind, status);

-- Logs, as CloudWatch Logs shows them.
CREATE TABLE log_groups (
    region         TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    created        INTEGER NOT NULL,
    retention_days INTEGER,
    PRIMARY KEY (region, name)
);
CREATE TABLE log_streams (
    id         INTEGER PRIMARY KEY,
    region     TEXT    NOT NULL,
    log_group  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    first_time INTEGER,
    last_time  INTEGER,
    ingested   INTEGER,
    UNIQUE (region, log_group, name)
);
CREATE TABLE log_events (
    id       INTEGER PRIMARY KEY,
    stream   INTEGER NOT NULL REFERENCES log_streams (id),
    time     INTEGER NOT NULL,
    ingested INTEGER NOT NULL,
    message  TEXT    NOT NULL
);
CREATE INDEX log_events_by_stream ON log_events (stream, id);

-- How far a file was read into the tables above: written with what was read, so each line counts once.
CREATE TABLE sources (
    name     TEXT PRIMARY KEY,
    position INTEGER NOT NULL
);

-- Metrics, as CloudWatch shows them. Dimensions are JSON with sorted keys.
CREATE TABLE metric_points (
    id         INTEGER PRIMARY KEY,
    region     TEXT    NOT NULL,
    namespace  TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    dimensions TEXT    NOT NULL,
    time       INTEGER NOT NULL,
    value      REAL    NOT NULL,
    unit       TEXT    NOT NULL
);
CREATE INDEX metric_points_by_name ON metric_points (region, namespace, name, dimensions, time);
