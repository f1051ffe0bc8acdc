-- Lists are paged, filtered and sorted here, and a resource is found by its ARN, whatever the letters' case.
ALTER TABLE records ADD COLUMN arn TEXT NOT NULL DEFAULT '';
UPDATE records SET arn = coalesce(json_extract(body, '$.' || kind || 'Arn'), '');
CREATE INDEX records_by_arn ON records (arn COLLATE NOCASE) WHERE arn != '';
CREATE INDEX records_by_created ON records (region, kind, created, name);
CREATE INDEX records_by_modified ON records (region, kind, modified, name);
DROP INDEX records_by_status;
CREATE INDEX records_by_status ON records (kind, region, status, created, name);
