-- 2. What came in by the tier that a customer had when buying? By the version that each line keeps, and beside it by the
-- interval of the versions: both have to be equal.
SELECT a.loyalty_tier, a.customers, a.net, b.net AS net_by_interval
FROM (
  SELECT d.loyalty_tier, count(DISTINCT f.customer_id) AS customers, sum(f.net) AS net
  FROM fact_order_line f JOIN dim_profile d ON d.sk = f.profile_sk
  GROUP BY d.loyalty_tier
) a
JOIN (
  SELECT d.loyalty_tier, sum(f.net) AS net
  FROM fact_order_line f JOIN dim_profile d ON cast(d.customer_id AS bigint) = f.customer_id
  WHERE f.ordered_at >= d.valid_from AND f.ordered_at < d.valid_to
  GROUP BY d.loyalty_tier
) b ON b.loyalty_tier = a.loyalty_tier
ORDER BY a.loyalty_tier;
