-- What the dimension rests on and the log no longer says: every version starts, and every closed one ends, at the moment
-- of an event. Counted are the moments of which the log holds no event, with an example. A union and not an anti join,
-- of which Hive has had several that lose rows (docs/hive-defects.md).
SELECT count(*) AS lost, min({{example}}) AS example_key, min(sakia_moment) AS earliest
FROM (
  SELECT {{keys}}, sakia_moment
  FROM (
    SELECT {{keys}}, {{seq_text}} AS sakia_moment, 1 AS sakia_in_log
    FROM (
      {{events}}
    ) AS log
    {{rested_on}}
    UNION ALL
    SELECT {{keys}}, {{to_text}} AS sakia_moment, 0 AS sakia_in_log FROM {{target}} WHERE NOT {{is_current}}
  ) AS moments
  GROUP BY {{keys}}, sakia_moment
  HAVING max(sakia_in_log) = 0
) AS lost
