-- Which objects grow fastest, and how large will they be in a year?
SELECT store, object, size_bytes, round(growth_day_bytes) AS growth_day_bytes,
       round(projected_12m_bytes) AS projected_12m_bytes
  FROM mart.capacity
 WHERE metric_date = (SELECT max(metric_date) FROM mart.capacity)
 ORDER BY projected_12m_bytes DESC NULLS LAST, size_bytes DESC
 LIMIT 20
