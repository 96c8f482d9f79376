-- The largest tables, key spaces and folders when last observed, with their size in a year if growth goes on.
SELECT store, object, size_bytes AS value, projected_12m_bytes AS projected, metric_date AS observed_date
  FROM mart.capacity
 WHERE metric_date = (SELECT max(metric_date) FROM mart.capacity WHERE metric_date <= $last)
 ORDER BY size_bytes DESC, store, object
 LIMIT 12
