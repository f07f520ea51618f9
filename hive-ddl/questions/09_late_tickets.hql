-- 9. How often is each carrier late, and how often does a ticket follow within seven days of a late delivery?
SELECT s.carrier, count(*) AS delivered,
       sum(if(to_date(s.delivered_at) > s.promised_on, 1, 0)) AS late,
       sum(if(to_date(s.delivered_at) > s.promised_on AND t.order_id IS NOT NULL, 1, 0)) AS late_with_ticket
FROM shipments s
LEFT JOIN (
  SELECT DISTINCT t.order_id
  FROM tickets t JOIN shipments s ON s.order_id = t.order_id
  WHERE t.opened_at >= s.delivered_at
    AND unix_timestamp(t.opened_at) <= unix_timestamp(s.delivered_at) + 7 * 86400
) t ON t.order_id = s.order_id
WHERE s.delivered_at IS NOT NULL
GROUP BY s.carrier
ORDER BY s.carrier;
