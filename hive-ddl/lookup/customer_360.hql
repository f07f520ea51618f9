-- One row a customer for HBase's customer_360: who they are now, what they ordered, where they were last seen.
-- Times are text as Hive writes a TIMESTAMP without fractions. Orders and clicks without a customer are left out.
WITH versions AS (
  SELECT `customer_id`, `country`, `valid_from`, `is_current`,
         lag(`country`) OVER (PARTITION BY `customer_id` ORDER BY `valid_from`) AS `previous_country`
  FROM `${database}`.`dim_customer`
),
placed AS (
  SELECT `customer_id`, count(*) AS `orders`,
         -- the latest order: a struct is compared field by field
         max(named_struct('at', `ordered_at`, 'no', `order_no`)) AS `last_order`
  FROM `${database}`.`orders`
  WHERE `status` = 'placed' AND `customer_id` IS NOT NULL
  GROUP BY `customer_id`
),
paid AS (
  SELECT o.`customer_id`, sum(i.`quantity` * i.`unit_price`) AS `revenue`
  FROM `${database}`.`orders` o JOIN `${database}`.`order_items` i ON i.`order_id` = o.`order_id`
  WHERE o.`customer_id` IS NOT NULL
  GROUP BY o.`customer_id`
),
seen AS (
  SELECT cast(`customer_id` AS bigint) AS `customer_id`,
         max(named_struct('at', `event_ts`, 'path', `path`)) AS `last_click`
  FROM `${database}`.`clicks`
  WHERE `customer_id` IS NOT NULL AND `path` IS NOT NULL
  GROUP BY cast(`customer_id` AS bigint)
)
SELECT
  cast(c.`customer_id` AS bigint) AS `customer_id`,
  coalesce(v.`country`, c.`country`) AS `country`,
  date_format(v.`valid_from`, 'yyyy-MM-dd HH:mm:ss') AS `country_since`,
  v.`previous_country` AS `previous_country`,
  coalesce(placed.`orders`, 0) AS `orders`,
  cast(coalesce(paid.`revenue`, 0) AS decimal(18,3)) AS `revenue`,
  placed.`last_order`.`no` AS `last_order_no`,
  date_format(placed.`last_order`.`at`, 'yyyy-MM-dd HH:mm:ss') AS `last_order_at`,
  seen.`last_click`.`path` AS `last_page`,
  date_format(seen.`last_click`.`at`, 'yyyy-MM-dd HH:mm:ss') AS `last_seen_at`,
  -- when the row was last true, in milliseconds: the newest of its times
  1000 * greatest(
    coalesce(unix_timestamp(v.`valid_from`), 0),
    coalesce(unix_timestamp(placed.`last_order`.`at`), 0),
    coalesce(unix_timestamp(seen.`last_click`.`at`), 0)
  ) AS `as_of_ms`
FROM `${database}`.`customers` c
LEFT JOIN versions v ON v.`customer_id` = c.`customer_id` AND v.`is_current`
LEFT JOIN placed ON placed.`customer_id` = c.`customer_id`
LEFT JOIN paid ON paid.`customer_id` = c.`customer_id`
LEFT JOIN seen ON seen.`customer_id` = cast(c.`customer_id` AS bigint)
