-- grain: metric_date, consent_type; every type known by then, for every day
WITH kind AS (
    SELECT consent_type, min(from_day) AS from_day FROM consent JOIN person USING (user_id) GROUP BY consent_type
),
grants AS (
    SELECT consent_type, user_id, from_day, coalesce(until_day, DATE '9999-12-31') AS until_day, updated_at
      FROM consent JOIN person USING (user_id)
     WHERE is_in_force
),
granted AS (
    SELECT day.metric_date, consent_type, count(DISTINCT user_id) AS granted_user_count,
           max(updated_at) AS source_max_updated_at
      FROM day JOIN grants ON grants.from_day <= day.metric_date AND grants.until_day > day.metric_date
     GROUP BY day.metric_date, consent_type
),
population AS (
    SELECT day.metric_date, count(person.user_id) AS user_count
      FROM day LEFT JOIN person ON person.signup_date <= day.metric_date
     GROUP BY day.metric_date
)
SELECT metric_date, consent_type, user_count, coalesce(granted_user_count, 0) AS granted_user_count,
       granted_user_count / nullif(user_count, 0) AS coverage_rate, source_max_updated_at
  FROM population
  JOIN kind ON kind.from_day <= population.metric_date
  LEFT JOIN granted USING (metric_date, consent_type)
