-- The events that are taken, up to the end of what is applied; part of other statements.
SELECT {{columns}}, {{seq_columns}}{{created}}, sakia_op, sakia_op <=> 'D' AS sakia_deleted, sakia_content,
  1 AS sakia_events
FROM (
  {{log}}
) AS told
WHERE sakia_reason IS NULL AND sakia_op <> 'T'
{{truncated}}
