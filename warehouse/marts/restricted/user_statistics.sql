-- grain: user_key; the newest observation
SELECT user_key, metric_date, signup_date, entry_count, mood_count, mood_sum, avg_mood, first_entry_date,
       last_entry_date, active_month_count, streak_count, xp_count, badge_count,
       source_max_updated_at, computed_at, run_id, is_final
  FROM lake_user_statistics
 WHERE metric_date = (SELECT max(metric_date) FROM lake_user_statistics)
