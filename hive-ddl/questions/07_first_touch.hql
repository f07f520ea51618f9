-- 7. What did customers buy, by the campaign that first brought them?
WITH
  touch AS (
    SELECT customer_id,
           first_value(utm_campaign, true) OVER (PARTITION BY customer_id ORDER BY event_ts_utc, event_id
             ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS campaign
    FROM fact_event
    WHERE customer_id IS NOT NULL AND NOT is_bot),
  first_touch AS (SELECT customer_id, max(campaign) AS campaign FROM touch GROUP BY customer_id)
SELECT coalesce(t.campaign, 'none') AS campaign, count(DISTINCT f.customer_id) AS customers,
       count(DISTINCT f.order_id) AS orders, sum(f.net) AS net
FROM fact_order_line f LEFT JOIN first_touch t ON t.customer_id = f.customer_id
WHERE f.customer_id IS NOT NULL AND f.status = 'placed'
GROUP BY coalesce(t.campaign, 'none')
ORDER BY campaign;
