-- The first fact of each key as an event (I) that says nothing; part of the log where facts count. An event at the same
-- moment has the greater content, so that it counts instead.
UNION ALL
SELECT {{fact_columns}}, e.sakia_seq, 'I' AS sakia_op, '' AS sakia_content, CAST(NULL AS string) AS sakia_reason
FROM (
  {{first_facts}}
) AS e
{{only_affected}}
{{fact_limit}}
