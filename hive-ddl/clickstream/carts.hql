-- fact_cart: one row a cart: what was put in, and whether it became an order or was left.
--
-- Reads fact_event, whose partitions changed. A cart begins when something is put into it and ends with the order. It is
-- left when its owner does nothing at all for the idle time. It stands in the partition of the day that it began on. Variables:
-- changed_dt, first_dt, last_dt (of the step); cart_idle_minutes.

SET hive.exec.dynamic.partition.mode=nonstrict;
SET hive.exec.max.dynamic.partitions=20000;
SET hive.exec.max.dynamic.partitions.pernode=20000;
SET hive.stats.column.autogather=false;

CREATE TABLE IF NOT EXISTS click_cart (
  cart_id STRING COMMENT 'SHA-256 of identity, first moment and orders before it; NULL in one row of each day, so that a day can be emptied',
  identity STRING COMMENT 'whose: c and the customer, v and the visitor, h and the client',
  visitor_id STRING COMMENT 'visitor cookie of its first event',
  customer_id BIGINT COMMENT 'customer, where one is known',
  session_id STRING COMMENT 'the session that it began in',
  device STRING COMMENT 'desktop, mobile, tablet or other',
  started_at TIMESTAMP COMMENT 'when something was first put in, UTC',
  last_active_at TIMESTAMP COMMENT 'last event of its owner, the order included, UTC',
  adds INT COMMENT 'how often something was put in',
  quantity BIGINT COMMENT 'pieces, as far as they are known; without those taken out',
  value DECIMAL(14,2) COMMENT 'what they cost, as far as that is known',
  products INT COMMENT 'different products that were put in',
  order_id STRING COMMENT 'the order that it became',
  ordered_at TIMESTAMP COMMENT 'when it did, UTC',
  abandoned_at TIMESTAMP COMMENT 'when it is taken to be left, unless something happens before: the idle time behind the last event; NULL for an order'
) PARTITIONED BY (dt STRING COMMENT 'day that it began on, UTC') STORED AS PARQUET;

CREATE VIEW IF NOT EXISTS fact_cart AS SELECT * FROM click_cart WHERE cart_id IS NOT NULL;

-- A day's carts depend on the two days before it, as sessions do, and on the day after.
CREATE TEMPORARY TABLE near_day STORED AS ORC AS
SELECT day, max(is_made) AS is_made
FROM (
  SELECT cast(date_add(cast(day AS date), away) AS string) AS day, if(away BETWEEN -1 AND 2, 1, 0) AS is_made
  FROM (SELECT explode(array(${changed_dt})) AS day) c
  LATERAL VIEW explode(array(-3, -2, -1, 0, 1, 2, 3)) o AS away
) n
GROUP BY day;

INSERT OVERWRITE TABLE click_cart PARTITION (dt)
SELECT sha2(concat(identity, '|', cast(started_at AS string), '|', cast(ordered_before AS string)), 256), identity,
       first_add.visitor_id, customer_id, first_add.session_id, first_add.device, started_at, last_active_at, adds, quantity,
       value, products, ending.order_id, ending.at,
       if(ending IS NULL, last_active_at + INTERVAL '${cart_idle_minutes}' MINUTE, NULL), dt
FROM (
  SELECT t.*, substr(cast(started_at AS string), 1, 10) AS dt
  FROM (
    SELECT identity, stretch, ordered_before, max(customer_id) AS customer_id,
           min(if(adds = 1, event_ts_utc, NULL)) AS started_at, max(event_ts_utc) AS last_active_at,
           cast(sum(adds) AS int) AS adds,
           sum(cast(pieces AS bigint)) AS quantity, cast(sum(pieces * price) AS decimal(14,2)) AS value,
           cast(count(DISTINCT if(adds = 1, product_id, NULL)) AS int) AS products,
           min(if(adds = 1, named_struct('seq', place, 'visitor_id', visitor_id, 'session_id', session_id, 'device', device),
                  NULL)) AS first_add,
           min(if(ordered = 1, named_struct('at', event_ts_utc, 'order_id', order_id), NULL)) AS ending
    FROM (
      SELECT r.*, sum(ordered) OVER (PARTITION BY identity, stretch ORDER BY event_ts_utc, event_seq, event_id
                                     ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - ordered AS ordered_before,
             row_number() OVER (PARTITION BY identity, stretch ORDER BY event_ts_utc, event_seq, event_id) AS place
      FROM (
        SELECT q.*, sum(starts) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch
        FROM (
          SELECT p.*, if(begins = 1 OR (previous_dt <> dt AND previous_begins = 0), 1, 0) AS starts
          FROM (
            SELECT o.*, lag(begins_that_day) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id)
                        AS previous_begins
            FROM (
              SELECT n.*, max(begins) OVER (PARTITION BY identity, dt) AS begins_that_day
              FROM (
                SELECT m.*, if(previous_ts IS NULL OR previous_ts + INTERVAL '${cart_idle_minutes}' MINUTE <= event_ts_utc, 1, 0)
                            AS begins
                FROM (
                  SELECT l.*, lag(event_ts_utc) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id)
                              AS previous_ts,
                         lag(dt) OVER (PARTITION BY identity ORDER BY event_ts_utc, event_seq, event_id) AS previous_dt
                  FROM (
                    SELECT event_id, event_ts_utc, event_seq, visitor_id, customer_id, identity, session_id, device,
                           product_id, order_id, price, dt,
                           if(stage = 4 AND coalesce(event_name, '') <> 'Product Removed', 1, 0) AS adds,
                           CASE WHEN event_name = 'Product Removed' THEN -quantity WHEN stage = 4 THEN quantity END AS pieces,
                           if(stage = 7, 1, 0) AS ordered
                    FROM fact_event
                    WHERE NOT is_bot AND dt IN (SELECT day FROM near_day)
                      AND dt BETWEEN cast(date_sub('${first_dt}', 3) AS string) AND cast(date_add('${last_dt}', 3) AS string)
                  ) l
                ) m
              ) n
            ) o
          ) p
        ) q
      ) r
    ) s
    GROUP BY identity, stretch, ordered_before
  ) t
  WHERE adds > 0
) u
WHERE dt IN (SELECT day FROM near_day WHERE is_made = 1)
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, dt
FROM (
  SELECT DISTINCT dt FROM fact_event
  WHERE dt IN (SELECT day FROM near_day WHERE is_made = 1)
    AND dt BETWEEN cast(date_sub('${first_dt}', 1) AS string) AND cast(date_add('${last_dt}', 2) AS string)
) d;
