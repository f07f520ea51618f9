-- What the log holds: a row a batch, with the moments at which one key is said to be different things (ties) and the
-- events without a key. Events without a moment gather in the batch NULL.
SELECT batch, sum(events) AS events, sum(IF(least_content <> greatest_content, 1, 0)) AS ties,
  sum(IF({{any_key_null}}, events, 0)) AS without_key
FROM (
  SELECT {{batch}} AS batch, {{event_keys}}, e.{{sequence}} AS sakia_seq, count(*) AS events,
    min(IF({{is_delete}}, 'D', concat('U', {{content}}))) AS least_content,
    max(IF({{is_delete}}, 'D', concat('U', {{content}}))) AS greatest_content
  FROM {{source}} AS e
  GROUP BY {{batch}}, {{event_keys}}, e.{{sequence}}
) AS moments
GROUP BY batch
