-- cells: metric_date, consent_type; those without are a cell too
SELECT metric_date, consent_type, user_count, granted_user_count,
       CASE WHEN granted_user_count = user_count THEN granted_user_count
            ELSE least(granted_user_count, user_count - granted_user_count) END AS granted_user_count__users,
       source_max_updated_at, computed_at, run_id, is_final
  FROM exact.consent_coverage
