-- cells: metric_date, service, cache_level
SELECT metric_date, service, cache_level, user_count, lookup_count, user_count AS lookup_count__users,
       source_max_updated_at, computed_at, run_id, is_final
  FROM exact.cache_efficiency
