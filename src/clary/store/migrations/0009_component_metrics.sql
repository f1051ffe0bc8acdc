-- What was measured for a trial component, value by value; its record holds the summaries. A step is the iteration
-- that a value belongs to, NULL where none was told.
CREATE TABLE component_series (
    id        INTEGER PRIMARY KEY,
    component TEXT NOT NULL,  -- its ARN
    name      TEXT NOT NULL,
    UNIQUE (component, name)
);
CREATE TABLE component_values (
    id     INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES component_series (id),
    time   INTEGER NOT NULL,  -- epoch milliseconds
    step   INTEGER,
    value  REAL    NOT NULL
);
CREATE INDEX component_values_by_series ON component_values (series, time);
