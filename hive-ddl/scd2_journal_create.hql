-- The journal of a dimension whose source shows things as they are: what changed from load to load, an event a row. The
-- events of a load are a partition, which is written under another name and then given its own.
CREATE TABLE IF NOT EXISTS {{journal}} (
  {{column_definitions}},
  `sakia_seq` {{sequence_type}} COMMENT 'when the change was seen, or its own sequence',
  `sakia_op` string COMMENT 'U: the thing is as the columns say, D: it is gone'
)
COMMENT {{comment}}
PARTITIONED BY (`sakia_load` string COMMENT 'load of the source that the change was found in')
STORED AS ORC
TBLPROPERTIES ('transactional' = 'false', {{properties}})
