-- Revenue of known customers by month and by the tier of the country they had when ordering.
SELECT month,
       cast(sum(if(tier = 'domestic', total, 0)) AS decimal(14,2)) AS domestic,
       cast(sum(if(tier = 'eu', total, 0)) AS decimal(14,2)) AS eu,
       cast(sum(if(tier = 'overseas', total, 0)) AS decimal(14,2)) AS overseas,
       cast(sum(if(tier = 'unknown', total, 0)) AS decimal(14,2)) AS unknown
FROM (
  SELECT o.order_month AS month, o.total,
         CASE WHEN d.country = 'United Kingdom' THEN 'domestic'
              WHEN d.country = 'Unspecified' THEN 'unknown'
              WHEN d.country IN ('Austria', 'Belgium', 'Cyprus', 'Czech Republic', 'Denmark', 'EIRE',
                                 'European Community', 'Finland', 'France', 'Germany', 'Greece', 'Italy', 'Lithuania',
                                 'Malta', 'Netherlands', 'Poland', 'Portugal', 'Spain', 'Sweden') THEN 'eu'
              ELSE 'overseas' END AS tier
  FROM shop.orders o
  JOIN shop.dim_customer d ON d.customer_id = o.customer_id
  WHERE o.ordered_at >= d.valid_from AND o.ordered_at < d.valid_to
) t
GROUP BY month
ORDER BY month;
