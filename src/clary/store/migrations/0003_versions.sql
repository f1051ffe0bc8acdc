-- Versions of objects, and what a bucket is set to. An object from before is its bucket's null version.
-- Still: a blob is in use while a row of keys or parts names it.
ALTER TABLE buckets ADD COLUMN versioning TEXT NOT NULL DEFAULT '';  -- '', Enabled or Suspended
ALTER TABLE buckets ADD COLUMN configuration TEXT NOT NULL DEFAULT '{}';  -- JSON: cors, lifecycle, by S3's names

ALTER TABLE keys RENAME TO keys_before;
CREATE TABLE keys (
    sequence INTEGER PRIMARY KEY,  -- of a key's versions the highest is the newest
    bucket   TEXT    NOT NULL REFERENCES buckets (name),
    key      TEXT    NOT NULL,  -- ordered by its UTF-8 bytes, as S3 lists
    version  TEXT    NOT NULL,  -- 'null' for what was put while the bucket kept no versions
    live     INTEGER NOT NULL,  -- 1: the newest version, and no delete marker
    blob     TEXT    NOT NULL,  -- '' for a delete marker
    size     INTEGER NOT NULL,
    etag     TEXT    NOT NULL,
    modified INTEGER NOT NULL,
    body     TEXT    NOT NULL,  -- JSON: content type, metadata, checksum, tags ...
    parts    TEXT    NOT NULL   -- JSON: the parts it was uploaded in; long, so read only when asked for
);
INSERT INTO keys (bucket, key, version, live, blob, size, etag, modified, body, parts)
    SELECT bucket, key, 'null', 1, blob, size, etag, modified, body, parts FROM keys_before ORDER BY bucket, key;
DROP TABLE keys_before;
CREATE UNIQUE INDEX keys_by_version ON keys (bucket, key, version);
CREATE INDEX keys_by_sequence ON keys (bucket, key, sequence DESC);
CREATE UNIQUE INDEX keys_live ON keys (bucket, key) WHERE live = 1;
CREATE INDEX keys_by_blob ON keys (blob) WHERE blob <> '';
