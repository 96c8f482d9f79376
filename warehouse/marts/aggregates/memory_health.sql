-- cells: metric_date; users behind a measure are at most its count and at most the users of the day
SELECT metric_date, user_count,
       created_count, least(created_count, user_count) AS created_count__users,
       merged_count, least(merged_count, user_count) AS merged_count__users,
       superseded_count, least(superseded_count, user_count) AS superseded_count__users,
       archived_count, least(archived_count, user_count) AS archived_count__users,
       expired_count, least(expired_count, user_count) AS expired_count__users,
       quarantined_count, least(quarantined_count, user_count) AS quarantined_count__users,
       source_max_updated_at, computed_at, run_id, is_final
  FROM exact.memory_health
