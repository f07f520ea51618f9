-- Puts aside what came too late: events up to the last one that was applied before (the water) that the dimension does not
-- show. Inside out:
--   said    the events up to the water, each once; the greatest rank of one key and moment is that of the event that counts
--   shown   how many versions hold at that moment, and how many of them say the same
--   judged  whether an event is shown, beside whether the one that counts is
-- An event that is not shown is late if the one that counts is not shown either.
INSERT INTO {{late}}
SELECT told.sakia_event, rtrim(told.sakia_moment), told.sakia_texts, {{batch_id}}
FROM (
  SELECT sakia_event, sakia_texts, {{seq_text}} AS sakia_moment FROM (
    {{whole_log}}
  ) AS log
  WHERE sakia_reason IS NULL
) AS told
LEFT SEMI JOIN (
  SELECT sakia_event FROM (
    SELECT sakia_event, sakia_differs, max(sakia_ranked) OVER (PARTITION BY {{keys}}, sakia_moment) AS sakia_counts
    FROM (
      SELECT {{keys}}, sakia_moment, sakia_event, sakia_differs, concat(sakia_rank, sakia_differs) AS sakia_ranked
      FROM (
        SELECT {{said_keys}}, said.sakia_moment, said.sakia_event, said.sakia_rank,
          IF(sum(IF({{t_holds}}, 1, 0)) = said.sakia_lives
            AND sum(IF({{t_holds}} AND said.sakia_said = {{t_said}}, 1, 0)) = said.sakia_lives, '0', '1') AS sakia_differs
        FROM (
          SELECT DISTINCT {{keys}}, sakia_event, {{seq_text}} AS sakia_moment, {{tracked_said}} AS sakia_said,
            IF(sakia_op = 'D', 0, 1) AS sakia_lives, IF(sakia_op = 'D', '1', concat('0', sakia_content)) AS sakia_rank
          FROM (
            {{whole_log}}
          ) AS log
          WHERE sakia_reason IS NULL AND {{seq_text}} <= {{water}}
        ) AS said
        LEFT JOIN {{target}} AS t ON {{said_same_keys}}
        GROUP BY {{said_keys}}, said.sakia_moment, said.sakia_event, said.sakia_rank, said.sakia_lives, said.sakia_said
      ) AS shown
    ) AS ranked
  ) AS judged
  WHERE sakia_differs = '1' AND substr(sakia_counts, length(sakia_counts)) = '1'
) AS late ON told.sakia_event = late.sakia_event
