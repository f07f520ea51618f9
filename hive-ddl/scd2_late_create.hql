-- The table of events that came too late for a dimension that goes forward only.
CREATE TABLE IF NOT EXISTS {{late}} (
  `sakia_event` string COMMENT 'sha-256 of its key, sequence, operation and content',
  `sequence` string COMMENT 'its sequence',
  `event` map<string,string> COMMENT 'what it says, by column',
  `batch_id` string COMMENT 'run that put it aside'
)
COMMENT {{late_comment}}
STORED AS ORC
TBLPROPERTIES ('transactional' = 'false', {{properties}})
