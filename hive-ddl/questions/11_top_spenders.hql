-- 11. Who are the ten customers that spent most, cancellations subtracted?
SELECT customer_id, sum(net) AS net
FROM fact_order_line
WHERE customer_id IS NOT NULL
GROUP BY customer_id
ORDER BY net DESC, customer_id
LIMIT 10;
