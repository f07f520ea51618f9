-- fact_session: one row a session, and how far it came on the way to an order.
--
-- Reads fact_event, whose partitions changed. A session stands in the partition of the day that it began on, so the day before
-- each that changed is made anew with it. Variables: changed_dt, first_dt, last_dt (of the step); funnel: the stages that have
-- to come before later ones, such as 134567.

SET hive.exec.dynamic.partition.mode=nonstrict;
SET hive.exec.max.dynamic.partitions=20000;
SET hive.exec.max.dynamic.partitions.pernode=20000;
SET hive.stats.column.autogather=false;

CREATE TABLE IF NOT EXISTS click_session (
  session_id STRING COMMENT 'SHA-256 of identity and first moment; NULL in one row of each day, so that a day can be emptied',
  identity STRING COMMENT 'whose: c and the customer, v and the visitor, h and the client, b and a program',
  visitor_id STRING COMMENT 'visitor cookie of its first event',
  customer_id BIGINT COMMENT 'customer, where one is known',
  started_at TIMESTAMP COMMENT 'first event, UTC',
  ended_at TIMESTAMP COMMENT 'last event, UTC',
  events INT COMMENT 'its events',
  entry_path STRING COMMENT 'first page',
  exit_path STRING COMMENT 'last page',
  referrer STRING COMMENT 'where it came from',
  utm_source STRING COMMENT 'campaign that it came from',
  utm_medium STRING COMMENT 'campaign that it came from',
  utm_campaign STRING COMMENT 'campaign that it came from',
  device STRING COMMENT 'desktop, mobile, tablet, bot or other',
  is_bot BOOLEAN COMMENT 'whether it is a program',
  bot_reason STRING COMMENT 'by what it is taken for one',
  stages STRING COMMENT 'the stages of its events, one digit each, in order',
  reached_1 BOOLEAN COMMENT 'landing',
  reached_2 BOOLEAN COMMENT 'list or search, behind the stages of the funnel before it',
  reached_3 BOOLEAN COMMENT 'product, likewise',
  reached_4 BOOLEAN COMMENT 'cart, likewise',
  reached_5 BOOLEAN COMMENT 'checkout, likewise',
  reached_6 BOOLEAN COMMENT 'payment, likewise',
  reached_7 BOOLEAN COMMENT 'order, likewise',
  max_stage TINYINT COMMENT 'the last stage that it reached, 0 for none',
  orders INT COMMENT 'orders that were made in it'
) PARTITIONED BY (dt STRING COMMENT 'day that it began on, UTC') STORED AS PARQUET;

CREATE VIEW IF NOT EXISTS fact_session AS SELECT * FROM click_session WHERE session_id IS NOT NULL;

-- People only: of the sessions of a day, how many came how far.
CREATE VIEW IF NOT EXISTS funnel_daily AS
SELECT dt, device, count(*) AS sessions, sum(if(reached_1, 1, 0)) AS landing, sum(if(reached_2, 1, 0)) AS list,
       sum(if(reached_3, 1, 0)) AS product, sum(if(reached_4, 1, 0)) AS cart, sum(if(reached_5, 1, 0)) AS checkout,
       sum(if(reached_6, 1, 0)) AS payment, sum(if(reached_7, 1, 0)) AS ordered
FROM click_session
WHERE session_id IS NOT NULL AND NOT is_bot
GROUP BY dt, device;

CREATE TEMPORARY TABLE near_day STORED AS ORC AS
SELECT day, max(is_made) AS is_made
FROM (
  SELECT cast(date_add(cast(day AS date), away) AS string) AS day, if(away <= 0, 1, 0) AS is_made
  FROM (SELECT explode(array(${changed_dt})) AS day) c
  LATERAL VIEW explode(array(-1, 0, 1)) o AS away
) n
GROUP BY day;

INSERT OVERWRITE TABLE click_session PARTITION (dt)
SELECT session_id, identity, first_event.visitor_id, customer_id, started_at, ended_at, events, first_event.path,
       last_event.path, first_event.referrer, campaign.utm_source, campaign.utm_medium, campaign.utm_campaign,
       first_event.device, is_bot, bot_reason, stages,
       reached_1, reached_2, reached_3, reached_4, reached_5, reached_6, reached_7,
       cast(CASE WHEN reached_7 THEN 7 WHEN reached_6 THEN 6 WHEN reached_5 THEN 5 WHEN reached_4 THEN 4 WHEN reached_3 THEN 3
                 WHEN reached_2 THEN 2 WHEN reached_1 THEN 1 ELSE 0 END AS tinyint),
       orders, dt
FROM (
  -- Each stage behind the first event of every stage of the funnel before it, which are looked for in order.
  SELECT t.*,
         stages RLIKE '^[^1]*+1' AS reached_1,
         stages RLIKE concat('^', regexp_replace(concat(translate('${funnel}', '234567', ''), '2'), '(.)', '[^$1]*+$1')) AS reached_2,
         stages RLIKE concat('^', regexp_replace(concat(translate('${funnel}', '34567', ''), '3'), '(.)', '[^$1]*+$1')) AS reached_3,
         stages RLIKE concat('^', regexp_replace(concat(translate('${funnel}', '4567', ''), '4'), '(.)', '[^$1]*+$1')) AS reached_4,
         stages RLIKE concat('^', regexp_replace(concat(translate('${funnel}', '567', ''), '5'), '(.)', '[^$1]*+$1')) AS reached_5,
         stages RLIKE concat('^', regexp_replace(concat(translate('${funnel}', '67', ''), '6'), '(.)', '[^$1]*+$1')) AS reached_6,
         stages RLIKE concat('^', regexp_replace(concat(translate('${funnel}', '7', ''), '7'), '(.)', '[^$1]*+$1')) AS reached_7
  FROM (
    SELECT session_id, identity, max(customer_id) AS customer_id, min(event_ts_utc) AS started_at,
           max(event_ts_utc) AS ended_at, cast(count(*) AS int) AS events, max(is_bot) AS is_bot,
           max(bot_reason) AS bot_reason,
           min(named_struct('seq', session_seq, 'visitor_id', visitor_id, 'path', path, 'referrer', referrer,
                            'device', device)) AS first_event,
           max(named_struct('seq', session_seq, 'path', path)) AS last_event,
           min(if(coalesce(utm_source, utm_medium, utm_campaign) IS NULL, NULL,
                  named_struct('seq', session_seq, 'utm_source', utm_source, 'utm_medium', utm_medium,
                               'utm_campaign', utm_campaign))) AS campaign,
           regexp_replace(concat_ws('', sort_array(collect_list(
               if(stage IS NULL, NULL, concat(lpad(cast(session_seq AS string), 10, '0'), cast(stage AS string)))))),
             '[0-9]{10}([0-9])', '$1') AS stages,
           cast(count(DISTINCT if(stage = 7, coalesce(order_id, event_id), NULL)) AS int) AS orders,
           substr(cast(session_started_at AS string), 1, 10) AS dt
    FROM fact_event
    WHERE dt IN (SELECT day FROM near_day)
      AND dt BETWEEN cast(date_sub('${first_dt}', 1) AS string) AND cast(date_add('${last_dt}', 1) AS string)
    GROUP BY session_id, identity, session_started_at
  ) t
  WHERE dt IN (SELECT day FROM near_day WHERE is_made = 1)
) s
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL, dt
FROM (
  SELECT DISTINCT dt FROM fact_event
  WHERE dt IN (SELECT day FROM near_day WHERE is_made = 1)
    AND dt BETWEEN cast(date_sub('${first_dt}', 1) AS string) AND '${last_dt}'
) d;
