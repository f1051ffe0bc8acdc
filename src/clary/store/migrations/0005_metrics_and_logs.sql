-- A metric is a series of points; a point is one value, a value seen several times, or a set told by its extremes.
CREATE TABLE metric_series (
    id         INTEGER PRIMARY KEY,
    region     TEXT NOT NULL,
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    dimensions TEXT NOT NULL,  -- JSON with sorted keys
    UNIQUE (region, namespace, name, dimensions)
);
CREATE INDEX metric_series_by_dimensions ON metric_series (region, namespace, dimensions);
INSERT INTO metric_series (region, namespace, name, dimensions)
    SELECT DISTINCT region, namespace, name, dimensions FROM metric_points;

ALTER TABLE metric_points RENAME TO old_metric_points;
DROP INDEX metric_points_by_name;
CREATE TABLE metric_points (
    id      INTEGER PRIMARY KEY,
    series  INTEGER NOT NULL REFERENCES metric_series (id),
    time    INTEGER NOT NULL,  -- epoch milliseconds
    unit    TEXT    NOT NULL,
    count   REAL    NOT NULL,
    total   REAL    NOT NULL,
    minimum REAL    NOT NULL,
    maximum REAL    NOT NULL
);
INSERT INTO metric_points (id, series, time, unit, count, total, minimum, maximum)
    SELECT p.id, s.id, p.time, p.unit, 1, p.value, p.value, p.value
    FROM old_metric_points p JOIN metric_series s USING (region, namespace, name, dimensions);
DROP TABLE old_metric_points;
CREATE INDEX metric_points_by_series ON metric_points (series, time);

-- What log groups have beside their retention, and what a stream's events weigh.
ALTER TABLE log_groups ADD COLUMN tags TEXT NOT NULL DEFAULT '{}';
ALTER TABLE log_groups ADD COLUMN protected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE log_streams ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE log_streams SET bytes =
    (SELECT coalesce(sum(length(CAST(message AS BLOB)) + 26), 0) FROM log_events WHERE stream = log_streams.id);
CREATE INDEX log_events_by_time ON log_events (stream, time, id);
