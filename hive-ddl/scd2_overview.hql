-- What the log holds: a row a batch, with the moments at which all is deleted (truncations) and those at which one key is
-- said to be different things (ties). What cannot be taken gathers in the batch NULL.
SELECT batch, sum(events) AS events, sum(truncations) AS truncations, sum(IF(least_said <> greatest_said, 1, 0)) AS ties,
  min(IF(least_said <> greatest_said, {{example}}, NULL)) AS example_key, sum(without_key) AS without_key,
  sum(without_sequence) AS without_sequence, sum(without_operation) AS without_operation
FROM (
  SELECT batch, {{keys}}, {{seq_columns}}, sum(IF(taken AND sakia_op IN ('U', 'D'), 1, 0)) AS events,
    sum(IF(taken AND sakia_op = 'T', 1, 0)) AS truncations,
    sum(IF(sakia_reason = 'no key', 1, 0)) AS without_key,
    sum(IF(sakia_reason = 'no sequence', 1, 0)) AS without_sequence,
    sum(IF(sakia_reason = 'unknown operation', 1, 0)) AS without_operation,
    min(IF(taken AND sakia_op IN ('U', 'D'), said, NULL)) AS least_said, max(IF(taken AND sakia_op IN ('U', 'D'), said, NULL)) AS greatest_said
  FROM (
    SELECT IF(sakia_reason IS NULL, {{batch}}, NULL) AS batch, {{keys}}, {{seq_columns}}, sakia_op, sakia_reason,
      sakia_reason IS NULL AS taken, IF(sakia_op = 'U', concat('U', sakia_content), sakia_op) AS said
    FROM (
      {{whole_log}}
    ) AS told
  ) AS marked
  GROUP BY batch, {{keys}}, {{seq_columns}}
) AS moments
GROUP BY batch
