-- The first fact of each key, in the dimension's types; part of other statements. A fact without key or time is of nothing.
SELECT {{keys}}, min(sakia_seq) AS sakia_seq
FROM (
  {{every_fact}}
) AS every_fact
WHERE sakia_seq IS NOT NULL AND NOT ({{any_key_null}})
GROUP BY {{keys}}
