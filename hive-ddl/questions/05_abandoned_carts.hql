-- 5. Whose abandoned carts of more than ${min_value} pounds may we write about?
SELECT c.cart_id, c.customer_id, c.abandoned_at, c.value
FROM fact_cart c
JOIN dim_profile d ON cast(d.customer_id AS bigint) = c.customer_id
WHERE d.is_current AND d.marketing_opt_in = 1 AND d.status = 'active'
  AND c.abandoned_at IS NOT NULL AND c.value > ${min_value}
ORDER BY c.cart_id;
