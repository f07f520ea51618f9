-- Carts that were left behind in the last ${days} days before ${as_of}, worth ${min_value} pounds at least.
SELECT cart_id, customer_id, abandoned_at, value
FROM fact_cart
WHERE abandoned_at IS NOT NULL AND customer_id IS NOT NULL AND value >= ${min_value}
  AND to_date(abandoned_at) > date_sub('${as_of}', ${days}) AND to_date(abandoned_at) <= '${as_of}'
