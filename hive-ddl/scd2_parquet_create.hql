-- The dimension in the shape parquet: one row a version, in partitions by a hash of the key. A partition is never changed:
-- its rows are written anew elsewhere, and the metastore is told where.
CREATE EXTERNAL TABLE IF NOT EXISTS {{target}} (
  {{sk}} string COMMENT 'sha-256 of the keys and valid_from, joined by |',
  {{column_definitions}},
  {{own_definitions}},
  {{batch_column}} string COMMENT 'run and batch that wrote the row last'
)
COMMENT {{comment}}
PARTITIONED BY ({{bucket_column}} string COMMENT 'hash of the keys')
STORED AS PARQUET{{location}}
TBLPROPERTIES ({{properties}})
