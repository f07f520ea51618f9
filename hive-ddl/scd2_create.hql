-- The dimension: one row a version. ACID, since MERGE changes it in place; not partitioned by anything that MERGE
-- would have to change.
CREATE TABLE IF NOT EXISTS {{target}} (
  {{sk}} string COMMENT 'sha-256 of the keys and valid_from, joined by |',
  {{column_definitions}},
  {{own_definitions}},
  {{batch_column}} string COMMENT 'run and batch that wrote the row last'
)
COMMENT {{comment}}
STORED AS ORC
TBLPROPERTIES ('transactional' = 'true', {{properties}})
