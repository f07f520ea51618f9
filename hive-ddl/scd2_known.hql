-- The things there are, by the last event of each in the journal; part of other statements.
SELECT {{keys}}, sakia_content
FROM (
  SELECT {{keys}}, `sakia_op`, sakia_content,
    lead(`sakia_seq`) OVER (PARTITION BY {{keys}} ORDER BY `sakia_seq`) AS sakia_following
  FROM (
    SELECT {{keys}}, `sakia_op`, `sakia_seq`, {{content}} AS sakia_content FROM {{counting}} AS counting
  ) AS said
) AS ordered
WHERE sakia_following IS NULL AND `sakia_op` = 'U'
