-- grain: metric_date, service
WITH seen AS (
    SELECT metric_date, coalesce(service, 'unknown') AS service, 1 AS message, 0 AS sample, updated_at
      FROM message JOIN person USING (user_id)
    UNION ALL
    SELECT metric_date, service, 0, 1, updated_at FROM sample
)
SELECT metric_date, service, sum(message)::BIGINT AS message_count, sum(sample)::BIGINT AS sample_count,
       max(updated_at) AS source_max_updated_at
  FROM seen
 GROUP BY metric_date, service
