-- 3. Who moved to another town in the 90 days before ${as_of}, and what did they spend in the 90 days before and after?
WITH
  towns AS (
    SELECT cast(customer_id AS bigint) AS customer_id, valid_from, city,
           lag(city) OVER (PARTITION BY customer_id ORDER BY valid_from) AS city_before
    FROM dim_profile),
  moved AS (
    SELECT customer_id, to_date(valid_from) AS moved_on, city_before, city FROM towns
    WHERE city_before IS NOT NULL AND city <> city_before
      AND to_date(valid_from) > date_sub('${as_of}', 90) AND to_date(valid_from) <= '${as_of}'),
  spent AS (
    SELECT m.customer_id, m.moved_on,
           sum(if(a.day < m.moved_on AND a.day >= date_sub(m.moved_on, 90), a.revenue, 0)) AS spent_before,
           sum(if(a.day >= m.moved_on AND a.day < date_add(m.moved_on, 90), a.revenue, 0)) AS spent_after
    FROM moved m JOIN agg_customer_daily a ON a.customer_id = m.customer_id
    GROUP BY m.customer_id, m.moved_on)
SELECT m.customer_id, m.moved_on, m.city_before, m.city, s.spent_before, s.spent_after
FROM moved m JOIN spent s ON s.customer_id = m.customer_id AND s.moved_on = m.moved_on
ORDER BY m.customer_id, m.moved_on;
