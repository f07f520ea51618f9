-- How far the sessions of people came, by device: each stage counted once a session, and behind those before it.
SELECT device, sum(sessions) AS sessions, sum(landing) AS landing, sum(list) AS list, sum(product) AS product,
       sum(cart) AS cart, sum(checkout) AS checkout, sum(payment) AS payment, sum(ordered) AS ordered
FROM shop.funnel_daily
GROUP BY device
ORDER BY device;
