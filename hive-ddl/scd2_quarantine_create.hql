-- The table of events that cannot be taken.
CREATE TABLE IF NOT EXISTS {{quarantine}} (
  `reason` string COMMENT 'why the event cannot be taken',
  `event` map<string,string> COMMENT 'what it says, by column',
  `batch_id` string COMMENT 'run that wrote the row'
)
COMMENT {{quarantine_comment}}
STORED AS ORC
TBLPROPERTIES ('transactional' = 'false', {{properties}})
