-- Whether each first fact has its version, asked without windows. A fact that comes before all events of its key, or has none,
-- begins a version, which is inferred if the first event does not fill it; no other version of the key is. Inside out:
--   first    by key the moment of its first fact, and that of its first event with what that does (0 deletes, 1 not)
--   placed   those that come first, beside the versions of their key
-- The digest tells whether the facts are those that were there before.
SELECT sum(sakia_digest) AS digest, sum(IF(sakia_begin = sakia_wanted AND sakia_inferred = sakia_unfilled, 0, 1)) AS wrong,
  min(IF(sakia_begin = sakia_wanted AND sakia_inferred = sakia_unfilled, NULL, {{example}})) AS example_key
FROM (
  SELECT {{said_keys}}, said.sakia_digest, said.sakia_wanted, said.sakia_unfilled,
    sum(IF({{t_from_text}} = said.sakia_fact, said.sakia_wanted, 0)) AS sakia_begin,
    sum(IF(t.{{is_inferred}}, 1, 0)) AS sakia_inferred
  FROM (
    SELECT {{keys}}, sakia_fact, crc32(concat({{example}}, sakia_fact)) AS sakia_digest,
      IF(sakia_first IS NULL OR sakia_fact < substr(sakia_first, 1, {{moment_width}}), 1, 0) AS sakia_wanted,
      IF(sakia_first IS NULL OR (sakia_fact < substr(sakia_first, 1, {{moment_width}})
        AND substr(sakia_first, {{behind_moment}}) = '0'), 1, 0) AS sakia_unfilled
    FROM (
      SELECT {{keys}}, min(IF(sakia_op = 'I', {{seq_text}}, NULL)) AS sakia_fact,
        min(IF(sakia_op = 'I', NULL, concat({{seq_text}}, IF(sakia_deleted, '0', '1')))) AS sakia_first
      FROM (
        {{events}}
      ) AS log
      GROUP BY {{keys}}
    ) AS first
    WHERE sakia_fact IS NOT NULL
  ) AS said
  LEFT JOIN {{target}} AS t ON {{said_same_keys}}
  GROUP BY {{said_keys}}, said.sakia_fact, said.sakia_digest, said.sakia_wanted, said.sakia_unfilled
) AS placed
