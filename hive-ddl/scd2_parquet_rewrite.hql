-- The partitions that a batch touches, written anew as those of another table: the rows that are there, but for those that
-- the batch deletes or has others for, and the new ones.
INSERT OVERWRITE TABLE {{shadow}} PARTITION ({{bucket_column}})
SELECT {{table_columns}}, {{bucket_column}}
FROM (
  SELECT {{rewritten}},
    coalesce(o.{{bucket_column}}, s.sakia_bucket) AS {{bucket_column}}
  FROM (
    SELECT * FROM {{target}} WHERE {{bucket_column}} IN ({{touched}})
  ) AS o
  FULL OUTER JOIN {{stage}} AS s ON o.{{sk}} = s.sakia_target_sk
  WHERE s.sakia_obsolete IS NULL OR NOT s.sakia_obsolete
) AS rewritten
DISTRIBUTE BY {{bucket_column}}
SORT BY {{bucket_column}}, {{keys}}, {{valid_from}}
