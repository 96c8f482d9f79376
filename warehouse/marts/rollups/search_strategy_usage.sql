-- grain: metric_date, user_key, search_strategy
WITH used AS (
    SELECT metric_date, user_id, search_strategy,
           count(*) AS use_count,
           count(latency_ms) AS latency_count,
           coalesce(sum(latency_ms::DECIMAL(18, 6)), 0)::DOUBLE AS latency_sum_ms,
           max(updated_at) AS source_max_updated_at
      FROM message
     WHERE search_strategy IS NOT NULL
     GROUP BY metric_date, user_id, search_strategy
)
SELECT metric_date, user_key, search_strategy, use_count, latency_count, latency_sum_ms, source_max_updated_at
  FROM used JOIN person USING (user_id)
