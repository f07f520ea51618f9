-- The dimension: one row a version. ACID, since MERGE changes it in place; not partitioned by anything that MERGE
-- would have to change.
CREATE TABLE IF NOT EXISTS {{target}} (
  `sk` string COMMENT 'sha-256 of the keys and valid_from, joined by |',
  {{column_definitions}},
  `valid_from` timestamp COMMENT 'first moment of the version',
  `valid_to` timestamp COMMENT 'first moment after the version; 9999-12-31 while it is open',
  `is_current` boolean COMMENT 'whether the version is open',
  `batch_id` string COMMENT 'run and batch that wrote the row last'
)
COMMENT {{comment}}
STORED AS ORC
TBLPROPERTIES ('transactional' = 'true', {{properties}})
