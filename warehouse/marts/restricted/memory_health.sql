-- grain: metric_date
SELECT metric_date, user_count, created_count, merged_count, superseded_count, archived_count, expired_count,
       quarantined_count, active_memory_count, duplicate_count, vector_count, orphan_vector_count,
       missing_vector_count, stale_vector_count, backlog_count, backlog_user_count, backlog_age_s,
       health.source_max_updated_at, health.computed_at, health.run_id, health.is_final
  FROM lake_memory_health AS health LEFT JOIN lake_memory_state AS state USING (metric_date)
