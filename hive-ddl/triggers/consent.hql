-- Who may be written to: active customers who agreed to advertising, and did not ask to be left alone.
SELECT cast(d.customer_id AS bigint) AS customer_id
FROM dim_profile d
JOIN customer_profiles c ON c.customer_id = d.customer_id
WHERE d.is_current AND d.status = 'active' AND d.marketing_opt_in = 1 AND c.do_not_contact = 0
