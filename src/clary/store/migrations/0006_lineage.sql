-- Lineage: which entity led to which, by their ARNs. A type is '' where none was given or the entity says none.
CREATE TABLE associations (
    region           TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    destination      TEXT    NOT NULL,
    source_type      TEXT    NOT NULL,
    destination_type TEXT    NOT NULL,
    type             TEXT    NOT NULL,
    created          INTEGER NOT NULL,  -- epoch milliseconds
    creator          TEXT    NOT NULL,  -- JSON: who added it
    PRIMARY KEY (source, destination)
) WITHOUT ROWID;
CREATE INDEX associations_by_destination ON associations (destination, source);
CREATE INDEX associations_by_created ON associations (region, created);

-- The online store: of each identifier the newest record. A group's id is unique over all time.
CREATE TABLE feature_records (
    feature_group TEXT    NOT NULL,
    identifier    TEXT    NOT NULL,
    event_time    REAL    NOT NULL,  -- epoch seconds
    expires       REAL,              -- epoch seconds; NULL is never
    deleted       INTEGER NOT NULL,  -- 1: softly, so that an older record does not come back
    features      TEXT    NOT NULL,  -- JSON object: feature → text or list of texts
    PRIMARY KEY (feature_group, identifier)
) WITHOUT ROWID;
CREATE INDEX feature_records_by_expiry ON feature_records (feature_group, expires) WHERE expires IS NOT NULL;

-- What the offline store has still to write: acknowledged rows, until the file that holds them is an object.
CREATE TABLE feature_outbox (
    id            INTEGER PRIMARY KEY,
    feature_group TEXT    NOT NULL,
    file          TEXT    NOT NULL,  -- the key they are being written under; '' while they wait
    event_time    REAL    NOT NULL,
    row           TEXT    NOT NULL   -- JSON object: column → value
);
CREATE INDEX feature_outbox_by_group ON feature_outbox (feature_group, file, id);
