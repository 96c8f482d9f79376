-- grain: metric_date, store, object
WITH slope AS (
    SELECT store, object, regr_slope(size_bytes::DOUBLE, (metric_date - DATE '2000-01-01')::DOUBLE) AS growth_day_bytes
      FROM lake_capacity
     GROUP BY store, object
    HAVING count(*) > 1
)
SELECT metric_date, store, object, size_bytes, row_count, growth_day_bytes,
       CASE WHEN growth_day_bytes IS NOT NULL THEN greatest(size_bytes + 365 * growth_day_bytes, 0) END AS projected_12m_bytes,
       source_max_updated_at, computed_at, run_id, is_final
  FROM lake_capacity LEFT JOIN slope USING (store, object)
