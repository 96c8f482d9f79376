-- grain: metric_date, user_key, local_date
-- Islands of consecutive local days; a local day that spans two UTC days counts once.
WITH active AS (
    SELECT DISTINCT user_key, local_date FROM lake_engagement
     WHERE message_count > 0 OR entry_count > 0 OR call_count > 0
),
island AS (
    SELECT user_key, local_date,
           local_date - (row_number() OVER (PARTITION BY user_key ORDER BY local_date))::INT AS island_start
      FROM active
),
streak AS (
    SELECT user_key, local_date,
           row_number() OVER (PARTITION BY user_key, island_start ORDER BY local_date) AS streak_days
      FROM island
)
SELECT metric_date, user_key, local_date, message_count, entry_count, call_count, xp_count, badge_count,
       coalesce(streak_days, 0) AS streak_days, source_max_updated_at, computed_at, run_id, is_final
  FROM lake_engagement LEFT JOIN streak USING (user_key, local_date)
