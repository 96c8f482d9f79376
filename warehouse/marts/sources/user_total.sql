-- user_id UUID, signup_date DATE, entry_count BIGINT, mood_count BIGINT, mood_sum DOUBLE, avg_mood DOUBLE, first_entry_date DATE, last_entry_date DATE, active_month_count BIGINT, streak_count BIGINT, xp_count BIGINT, badge_count BIGINT, updated_at TIMESTAMP
-- One row per user: the journal so far (the 003 view's own aggregates), streak, XP and badges as they stand.
SELECT u.id::text AS user_id,
       (u.created_at AT TIME ZONE 'UTC')::date AS signup_date,
       coalesce(e.entry_count, 0) AS entry_count,
       coalesce(e.mood_count, 0) AS mood_count,
       coalesce(e.mood_sum, 0) AS mood_sum,
       e.avg_mood,
       e.first_entry_date,
       e.last_entry_date,
       coalesce(e.active_month_count, 0) AS active_month_count,
       coalesce(u.current_streak, 0)::bigint AS streak_count,
       coalesce(u.xp, 0)::bigint AS xp_count,
       coalesce(b.badge_count, 0) AS badge_count,
       greatest(u.updated_at, e.updated_at, b.updated_at) AS updated_at
  FROM auth.users AS u
  LEFT JOIN (
      SELECT user_id, count(*) AS entry_count, count(mood_score) AS mood_count, sum(mood_score)::float8 AS mood_sum,
             avg(mood_score)::float8 AS avg_mood, min(entry_date) AS first_entry_date,
             max(entry_date) AS last_entry_date, count(DISTINCT date_trunc('month', entry_date)) AS active_month_count,
             max(updated_at) AS updated_at
        FROM journal.entries WHERE entry_date < {end_day} GROUP BY user_id
  ) AS e ON e.user_id = u.id
  LEFT JOIN (
      SELECT user_id, count(*) AS badge_count, max(earned_at) AS updated_at
        FROM engagement.user_badges WHERE earned_at < {end} GROUP BY user_id
  ) AS b ON b.user_id = u.id
 WHERE u.created_at < {end}
