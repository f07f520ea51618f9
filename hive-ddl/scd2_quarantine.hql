-- What of the log cannot be taken, and why. All of it, at every run: the table shows the log as it is.
INSERT OVERWRITE TABLE {{quarantine}}
SELECT {{reason}} AS `reason`, {{event_texts}} AS `event`, {{batch_id}} AS `batch_id`
FROM {{source}} AS e
WHERE {{reason}} IS NOT NULL
