-- fact_event: the parsed events of the days that changed, each with its customer and its session.
--
-- Reads the view or table `parsed_events` (docs/clickstream.md lists its columns), whose partitions `dt` changed. Every
-- statement may be run again. Variables: changed_dt, first_dt, last_dt (of the step); session_gap_minutes, session_by,
-- new_session_at_midnight, new_session_on_campaign, identity_days, bot_requests_a_minute.

SET hive.exec.dynamic.partition.mode=nonstrict;
SET hive.exec.max.dynamic.partitions=20000;
SET hive.exec.max.dynamic.partitions.pernode=20000;
SET hive.stats.column.autogather=false;

-- Who signed in on which browser, by day.
CREATE TABLE IF NOT EXISTS click_identity (
  visitor_id STRING COMMENT 'visitor cookie; NULL in one row of each day, so that a day can be emptied',
  customer_id BIGINT COMMENT 'who signed in there on that day',
  first_ts TIMESTAMP COMMENT 'first event of theirs, UTC',
  last_ts TIMESTAMP COMMENT 'last event of theirs, UTC'
) PARTITIONED BY (dt STRING COMMENT 'day, UTC') STORED AS PARQUET;

CREATE TABLE IF NOT EXISTS fact_event (
  event_id STRING COMMENT 'names the event; one that was delivered twice is here once',
  event_ts_utc TIMESTAMP COMMENT 'when it happened, UTC',
  event_seq BIGINT COMMENT 'orders events of one moment',
  ip STRING COMMENT 'address of the client',
  method STRING COMMENT 'HTTP method',
  path STRING COMMENT 'path of the page',
  status INT COMMENT 'HTTP status of the answer',
  referrer STRING COMMENT 'page it came from',
  utm_source STRING COMMENT 'campaign: where from',
  utm_medium STRING COMMENT 'campaign: how',
  utm_campaign STRING COMMENT 'campaign: its name',
  device STRING COMMENT 'desktop, mobile, tablet, bot or other',
  is_bot BOOLEAN COMMENT 'whether a program asked',
  bot_reason STRING COMMENT 'by what it is taken for one: user-agent, robots.txt, head-only, rate',
  visitor_id STRING COMMENT 'visitor cookie',
  client STRING COMMENT 'SHA-256 of address and user agent',
  login_customer_id BIGINT COMMENT 'customer who was signed in',
  customer_id BIGINT COMMENT 'that one, or who else is known to use this browser',
  event_name STRING COMMENT 'what happened, as Segment names it',
  stage TINYINT COMMENT '1 landing 2 list or search 3 product 4 cart 5 checkout 6 payment 7 order',
  product_id STRING COMMENT 'product that it is about',
  order_id STRING COMMENT 'order that it is about',
  price DECIMAL(12,3) COMMENT 'price of one piece',
  quantity INT COMMENT 'pieces',
  identity STRING COMMENT 'whose session it is: c and the customer, v and the visitor, h and the client, b and a program',
  session_id STRING COMMENT 'SHA-256 of identity and first moment of the session',
  session_seq INT COMMENT 'place in the session, from 1',
  session_started_at TIMESTAMP COMMENT 'first moment of the session, UTC'
) PARTITIONED BY (dt STRING COMMENT 'day, UTC') STORED AS PARQUET;

-- The events of the days that changed, each once, with what gives programs away: what the client says, robots.txt, nothing
-- but HEAD, or more requests in a minute than people make. All of it is of one client and one day.
CREATE TEMPORARY TABLE new_event STORED AS ORC AS
SELECT event_id, event_ts_utc, event_seq, ip, method, path, status, referrer, utm_source, utm_medium, utm_campaign,
       if(bot_reason IS NULL, device, 'bot') AS device, bot_reason IS NOT NULL AS is_bot, bot_reason, visitor_id, client,
       login_customer_id, event_name, stage, product_id, order_id, price, quantity, dt
FROM (
  SELECT t.*, CASE WHEN says_bot = 1 THEN 'user-agent'
                   WHEN max_robots = 1 THEN 'robots.txt'
                   WHEN min_head = 1 THEN 'head-only'
                   WHEN max_requests > ${bot_requests_a_minute} THEN 'rate' END AS bot_reason
  FROM (
    SELECT u.*, max(robots) OVER (PARTITION BY dt, client) AS max_robots, min(head) OVER (PARTITION BY dt, client) AS min_head,
           max(requests) OVER (PARTITION BY dt, client) AS max_requests
    FROM (
      SELECT s.*, count(*) OVER (PARTITION BY dt, client, minute) AS requests
      FROM (
        SELECT r.*, row_number() OVER (PARTITION BY dt, event_id ORDER BY event_ts_utc, event_seq) AS copy
        FROM (
          SELECT event_id, event_ts_utc, event_seq, ip, method, path, status, referrer, utm_source, utm_medium, utm_campaign,
                 device, visitor_id, customer_id AS login_customer_id, event_name, stage, product_id, order_id,
                 cast(price AS decimal(12,3)) AS price, quantity, dt,
                 sha2(concat(coalesce(ip, ''), '\n', coalesce(user_agent, '')), 256) AS client,
                 if(is_bot, 1, 0) AS says_bot, if(path = '/robots.txt', 1, 0) AS robots, if(method = 'HEAD', 1, 0) AS head,
                 substr(cast(event_ts_utc AS string), 1, 16) AS minute
          FROM parsed_events
          WHERE dt IN (${changed_dt})
        ) r
      ) s
      WHERE copy = 1
    ) u
  ) t
) v;

CREATE TEMPORARY TABLE new_identity STORED AS ORC AS
SELECT visitor_id, login_customer_id AS customer_id, min(event_ts_utc) AS first_ts, max(event_ts_utc) AS last_ts, dt
FROM new_event
WHERE visitor_id IS NOT NULL AND login_customer_id IS NOT NULL AND NOT is_bot
GROUP BY visitor_id, login_customer_id, dt;

-- The days to make anew (0), those behind them whose sessions may begin there (1, 2), and those before, which show where
-- sessions began (-1, -2): the days that changed, and those on which somebody was nameless on a browser whose customers are
-- not what they were.
CREATE TEMPORARY TABLE near_day STORED AS ORC AS
SELECT day, max(is_made) AS is_made, max(is_new) AS is_new
FROM (
  SELECT cast(date_add(cast(day AS date), away) AS string) AS day, if(away >= 0, 1, 0) AS is_made,
         if(away = 0, is_new, 0) AS is_new
  FROM (
    SELECT day, 1 AS is_new FROM (SELECT explode(array(${changed_dt})) AS day) c
    UNION ALL
    SELECT DISTINCT e.dt AS day, 0 AS is_new
    FROM fact_event e
    JOIN (
      SELECT visitor_id, dt
      FROM (
        SELECT visitor_id, customer_id, first_ts, last_ts, dt, 1 AS side FROM new_identity
        UNION ALL
        SELECT visitor_id, customer_id, first_ts, last_ts, dt, -1 AS side FROM click_identity
        WHERE dt IN (${changed_dt}) AND visitor_id IS NOT NULL
      ) b
      GROUP BY visitor_id, customer_id, first_ts, last_ts, dt
      HAVING sum(side) <> 0
    ) v ON v.visitor_id = e.visitor_id
    WHERE e.dt BETWEEN cast(date_sub('${first_dt}', ${identity_days}) AS string)
                   AND cast(date_add('${last_dt}', ${identity_days}) AS string)
      AND e.dt NOT IN (${changed_dt})
      AND abs(datediff(e.dt, v.dt)) <= ${identity_days}
      AND e.login_customer_id IS NULL
  ) d
  LATERAL VIEW explode(array(-2, -1, 0, 1, 2)) o AS away
) n
GROUP BY day;

CREATE TEMPORARY TABLE work_event STORED AS ORC AS
SELECT * FROM new_event
UNION ALL
SELECT e.event_id, e.event_ts_utc, e.event_seq, e.ip, e.method, e.path, e.status, e.referrer, e.utm_source, e.utm_medium,
       e.utm_campaign, e.device, e.is_bot, e.bot_reason, e.visitor_id, e.client, e.login_customer_id, e.event_name, e.stage,
       e.product_id, e.order_id, e.price, e.quantity, e.dt
FROM fact_event e
JOIN near_day d ON d.day = e.dt
WHERE e.dt BETWEEN cast(date_sub('${first_dt}', ${identity_days} + 2) AS string)
               AND cast(date_add('${last_dt}', ${identity_days} + 2) AS string)
  AND e.dt NOT IN (${changed_dt});

-- Whose the nameless events are: of those who sign in on that browser within so many days, the one who does so next, else
-- the one who did so last.
CREATE TEMPORARY TABLE known_event STORED AS ORC AS
SELECT event_id, dt, coalesce(next_one.customer, last_one.customer) AS customer_id
FROM (
  SELECT e.event_id, e.dt,
         min(if(k.last_ts >= e.event_ts_utc,
                named_struct('at', if(k.first_ts > e.event_ts_utc, k.first_ts, e.event_ts_utc), 'customer', k.customer_id),
                NULL)) AS next_one,
         max(if(k.last_ts < e.event_ts_utc, named_struct('at', k.last_ts, 'customer', k.customer_id), NULL)) AS last_one
  FROM work_event e
  JOIN (
    SELECT visitor_id, customer_id, first_ts, last_ts, dt FROM new_identity
    UNION ALL
    SELECT visitor_id, customer_id, first_ts, last_ts, dt FROM click_identity
    WHERE visitor_id IS NOT NULL AND dt NOT IN (${changed_dt})
      AND dt BETWEEN cast(date_sub('${first_dt}', 2 * ${identity_days} + 2) AS string)
                 AND cast(date_add('${last_dt}', 2 * ${identity_days} + 2) AS string)
  ) k ON k.visitor_id = e.visitor_id
  WHERE e.login_customer_id IS NULL AND NOT e.is_bot AND abs(datediff(k.dt, e.dt)) <= ${identity_days}
  GROUP BY e.event_id, e.dt
) t;

-- A session begins where nothing came for the gap or longer; where the day or the campaign changes, if that is asked for; and
-- for programs each day. One that goes on through a whole day ends at the midnight after it, so that two days before a day
-- show how its sessions began.
INSERT OVERWRITE TABLE fact_event PARTITION (dt)
SELECT event_id, event_ts_utc, event_seq, ip, method, path, status, referrer, utm_source, utm_medium, utm_campaign, device,
       is_bot, bot_reason, visitor_id, client, login_customer_id, customer_id, event_name, stage, product_id, order_id, price,
       quantity, identity, sha2(concat(identity, '|', cast(session_started_at AS string)), 256), session_seq,
       session_started_at, dt
FROM (
  SELECT s.*, row_number() OVER (PARTITION BY identity, session ORDER BY event_ts_utc, event_seq, event_id) AS session_seq,
         min(event_ts_utc) OVER (PARTITION BY identity, session) AS session_started_at
  FROM (
    SELECT r.*, sum(starts) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id
                                  ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS session
    FROM (
      SELECT q.*, if(begins = 1 OR (previous_dt <> dt AND previous_begins = 0), 1, 0) AS starts
      FROM (
        SELECT p.*, lag(begins_that_day) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id) AS previous_begins
        FROM (
          SELECT o.*, max(begins) OVER (PARTITION BY identity, dt) AS begins_that_day
          FROM (
            SELECT n.*, if(gap = 1
                           OR ('${new_session_on_campaign}' = 'true' AND campaign IS NOT NULL AND previous_ts < event_ts_utc
                               AND campaign <> if(substr(last_campaign, 1, 10) >= cast(date_sub(dt, 1) AS string),
                                                  substr(last_campaign, 12), '')), 1, 0) AS begins
            FROM (
              SELECT m.*, coalesce(last_value(dated_campaign, true) OVER (PARTITION BY identity, chain
                                   ORDER BY event_ts_utc, event_seq, event_id
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '') AS last_campaign
              FROM (
                SELECT l.*, sum(gap) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id
                                           ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS chain
                FROM (
                  SELECT k.*,
                         if(previous_ts IS NULL
                            OR previous_ts + INTERVAL '${session_gap_minutes}' MINUTE <= event_ts_utc
                            OR ((is_bot OR '${new_session_at_midnight}' = 'true') AND previous_dt <> dt), 1, 0) AS gap
                  FROM (
                    SELECT j.*, lag(event_ts_utc) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id)
                                AS previous_ts,
                           lag(dt) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id) AS previous_dt
                    FROM (
                      SELECT i.*, CASE WHEN is_bot THEN concat('b', client)
                                       WHEN customer_id IS NOT NULL AND '${session_by}' <> 'visitor'
                                         THEN concat('c', cast(customer_id AS string))
                                       WHEN visitor_id IS NOT NULL THEN concat('v', visitor_id)
                                       ELSE concat('h', client) END AS identity,
                             if(campaign IS NULL, NULL, concat(dt, '|', campaign)) AS dated_campaign
                      FROM (
                        SELECT e.*, coalesce(e.login_customer_id, k.customer_id) AS customer_id,
                               if(coalesce(utm_source, utm_medium, utm_campaign) IS NULL, NULL,
                                  concat(coalesce(utm_source, ''), '|', coalesce(utm_medium, ''), '|',
                                         coalesce(utm_campaign, ''))) AS campaign
                        FROM work_event e
                        LEFT JOIN known_event k ON k.event_id = e.event_id AND k.dt = e.dt
                      ) i
                    ) j
                  ) k
                ) l
              ) m
            ) n
          ) o
        ) p
      ) q
    ) r
  ) s
) t
WHERE dt IN (SELECT day FROM near_day WHERE is_made = 1);

-- Last, so that a run that ended before finds again whose customers changed.
INSERT OVERWRITE TABLE click_identity PARTITION (dt)
SELECT visitor_id, customer_id, first_ts, last_ts, dt FROM new_identity
UNION ALL
SELECT cast(NULL AS string), cast(NULL AS bigint), cast(NULL AS timestamp), cast(NULL AS timestamp), day AS dt
FROM (SELECT explode(array(${changed_dt})) AS day) d;
