-- grain: metric_date, service, cache_level
WITH looked AS (
    SELECT metric_date, coalesce(service, 'unknown') AS service,
           CASE WHEN is_cache_hit THEN cache_level ELSE 'miss' END AS cache_level,
           count(DISTINCT user_id) AS user_count, count(*) AS lookup_count, max(updated_at) AS source_max_updated_at
      FROM message JOIN person USING (user_id)
     WHERE cache_level IS NOT NULL
     GROUP BY ALL
)
SELECT metric_date, service, cache_level, user_count, lookup_count,
       (sum(lookup_count) OVER (PARTITION BY metric_date, service))::BIGINT AS service_lookup_count,
       lookup_count / sum(lookup_count) OVER (PARTITION BY metric_date, service) AS level_rate,
       source_max_updated_at
  FROM looked
