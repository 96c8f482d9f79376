-- cells: metric_date
WITH person AS (
    SELECT metric_date, user_key,
           bool_or(message_count > 0 OR entry_count > 0 OR call_count > 0) AS is_active,
           max(streak_days) >= 7 AS is_on_streak, sum(xp_count)::BIGINT AS xp_count, sum(badge_count)::BIGINT AS badge_count,
           max(source_max_updated_at) AS source_max_updated_at, max(computed_at) AS computed_at,
           max_by(run_id, computed_at) AS run_id, bool_and(is_final) AS is_final
      FROM exact.engagement
     GROUP BY metric_date, user_key
)
SELECT metric_date, count(*) AS user_count,
       count(*) FILTER (is_active) AS active_user_count, count(*) FILTER (is_active) AS active_user_count__users,
       count(*) FILTER (is_on_streak) AS week_streak_user_count,
       count(*) FILTER (is_on_streak) AS week_streak_user_count__users,
       sum(xp_count)::BIGINT AS xp_count, count(*) FILTER (xp_count > 0) AS xp_count__users,
       sum(badge_count)::BIGINT AS badge_count, count(*) FILTER (badge_count > 0) AS badge_count__users,
       max(source_max_updated_at) AS source_max_updated_at, max(computed_at) AS computed_at,
       max_by(run_id, computed_at) AS run_id, bool_and(is_final) AS is_final
  FROM person
 GROUP BY metric_date
