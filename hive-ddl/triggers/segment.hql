-- Who is in segment ${segment} now.
SELECT v.customer_id, v.segment, v.r, v.f, v.m, v.revenue, v.ltv, v.last_order_at
FROM customer_value v
WHERE v.segment = '${segment}'
