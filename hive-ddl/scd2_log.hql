-- The log, an event a row, in the dimension's types; part of other statements. The operation is U (how the thing is now),
-- D (it is gone) or T (all that was seen before is gone). The content decides between events of one key at one moment.
-- The reason says why an event cannot be taken. Where facts count, the first one of a key is an event too (I).
SELECT {{event_columns}}, {{event_sequence}}{{event_created}},
  {{op}} AS sakia_op,
  {{content}} AS sakia_content,
  {{reason}} AS sakia_reason{{more}}
FROM {{source}} AS e
{{only_affected}}
{{late_events}}
{{limit}}
{{inferred}}
