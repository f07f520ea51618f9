-- The events of the log up to the end of what is applied, in the dimension's types; part of other statements. The
-- content decides between events of one key at one moment.
SELECT {{event_columns}}, CAST(e.{{sequence}} AS timestamp) AS sakia_seq, {{op}} AS sakia_op,
  {{is_delete}} AS sakia_deleted,
  {{content}} AS sakia_content
FROM {{source}} AS e
{{only_affected}}
WHERE e.{{sequence}} < {{until}}
