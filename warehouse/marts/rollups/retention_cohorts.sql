-- grain: metric_date, user_key; users who signed up or were active that day
WITH seen AS (
    SELECT metric_date, user_id, true AS is_active, false AS is_signup, updated_at FROM message WHERE role = 'user'
    UNION ALL SELECT metric_date, user_id, true, false, updated_at FROM entry_event
    UNION ALL SELECT metric_date, user_id, true, false, updated_at FROM call
    UNION ALL SELECT metric_date, user_id, false, true, updated_at FROM signup
),
counted AS (
    SELECT metric_date, user_id, bool_or(is_signup) AS is_signup, bool_or(is_active) AS is_active,
           max(updated_at) AS source_max_updated_at
      FROM seen
     GROUP BY metric_date, user_id
)
SELECT metric_date, user_key, date_trunc('week', person.signup_date)::DATE AS cohort_week, is_signup, is_active,
       source_max_updated_at
  FROM counted JOIN person USING (user_id)
