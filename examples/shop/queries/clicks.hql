-- Clicks of people by hour of the day and by stage on the way to an order.
SELECT hour(event_ts) AS hour,
       sum(if(stage = 1, 1, 0)) AS landing,
       sum(if(stage = 2, 1, 0)) AS list,
       sum(if(stage = 3, 1, 0)) AS product,
       sum(if(stage = 4, 1, 0)) AS cart,
       sum(if(stage = 5, 1, 0)) AS checkout,
       sum(if(stage = 6, 1, 0)) AS payment,
       sum(if(stage = 7, 1, 0)) AS ordered
FROM shop.clicks
WHERE NOT is_bot
GROUP BY hour(event_ts)
ORDER BY hour;
