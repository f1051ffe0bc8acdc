-- What S3 shows. Blobs are files named by their id; a blob is in use while a row of keys or parts names it.
CREATE TABLE buckets (
    name    TEXT PRIMARY KEY,
    region  TEXT    NOT NULL,
    created INTEGER NOT NULL,  -- epoch milliseconds
    tags    TEXT    NOT NULL   -- JSON object
);
CREATE TABLE keys (
    bucket   TEXT    NOT NULL REFERENCES buckets (name),
    key      TEXT    NOT NULL,  -- ordered by its UTF-8 bytes, as S3 lists
    blob     TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    etag     TEXT    NOT NULL,
    modified INTEGER NOT NULL,
    body     TEXT    NOT NULL,  -- JSON: content type, metadata, checksum, tags ...
    parts    TEXT    NOT NULL,  -- JSON: the parts it was uploaded in; long, so read only when asked for
    PRIMARY KEY (bucket, key)
);
CREATE INDEX keys_by_blob ON keys (blob);

CREATE TABLE uploads (
    id      TEXT PRIMARY KEY,  -- grows with time
    bucket  TEXT    NOT NULL REFERENCES buckets (name),
    key     TEXT    NOT NULL,
    created INTEGER NOT NULL,
    body    TEXT    NOT NULL   -- JSON
);
CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
CREATE TABLE parts (
    upload   TEXT    NOT NULL REFERENCES uploads (id),
    number   INTEGER NOT NULL,
    blob     TEXT    NOT NULL,
    size     INTEGER NOT NULL,
    etag     TEXT    NOT NULL,
    modified INTEGER NOT NULL,
    checksum TEXT    NOT NULL,
    PRIMARY KEY (upload, number)
);
CREATE INDEX parts_by_blob ON parts (blob);
