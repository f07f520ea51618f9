-- 4. How far do visits come, by device? A stage counts once a visit, and only behind those before it.
SELECT device, count(*) AS sessions,
       sum(if(reached_1, 1, 0)) AS landing,
       sum(if(reached_2, 1, 0)) AS list,
       sum(if(reached_3, 1, 0)) AS product,
       sum(if(reached_4, 1, 0)) AS cart,
       sum(if(reached_5, 1, 0)) AS checkout,
       sum(if(reached_6, 1, 0)) AS payment,
       sum(if(reached_7, 1, 0)) AS ordered
FROM fact_session
WHERE NOT is_bot
GROUP BY device
ORDER BY device;
