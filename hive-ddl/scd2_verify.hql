-- What every dimension must obey, counted where it does not, each with an example of a key: versions that end before they
-- start, versions of a key that overlap, several open versions of a key, neighbours that touch and do not differ, an open
-- end that is not marked current.
SELECT count(*) AS versions, sum(IF({{is_current}}, 1, 0)) AS current_versions,
  sum(empty_interval) AS empty_intervals, min(IF(empty_interval = 1, example, NULL)) AS empty_intervals_key,
  sum(overlap) AS overlaps, min(IF(overlap = 1, example, NULL)) AS overlaps_key,
  sum(early_open_end) AS early_open_ends, min(IF(early_open_end = 1, example, NULL)) AS early_open_ends_key,
  sum(equal_neighbour) AS equal_neighbours, min(IF(equal_neighbour = 1, example, NULL)) AS equal_neighbours_key,
  sum(wrong_mark) AS wrong_marks, min(IF(wrong_mark = 1, example, NULL)) AS wrong_marks_key
FROM (
  SELECT {{is_current}}, {{example}} AS example,
    IF({{from_before_to}}, 0, 1) AS empty_interval,
    IF({{next_before_to}}, 1, 0) AS overlap,
    IF({{is_current}} AND sakia_next_from IS NOT NULL, 1, 0) AS early_open_end,
    IF({{next_is_to}} AND sakia_same, 1, 0) AS equal_neighbour,
    IF({{is_current}} <=> ({{is_open}}), 0, 1) AS wrong_mark
  FROM (
    SELECT {{keys}}, {{is_current}}, {{valid_from}}, {{valid_to}},
      lead({{valid_from}}) OVER {{by_key_and_start}} AS sakia_next_from{{next_tie}},
      ({{same_as_next}}) AS sakia_same
    FROM {{target}}
  ) AS neighbours
) AS judged
