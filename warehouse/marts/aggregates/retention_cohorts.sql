-- cells: cohort_week, week_start; those who did not return are a cell too, so a few of them hide the count as well
WITH cohort AS (
    SELECT cohort_week, count(DISTINCT user_key) AS cohort_user_count FROM exact.retention_cohorts GROUP BY cohort_week
),
returned AS (
    SELECT cohort_week, date_trunc('week', metric_date)::DATE AS week_start,
           count(DISTINCT user_key) FILTER (is_active) AS returned_user_count,
           max(source_max_updated_at) AS source_max_updated_at, max(computed_at) AS computed_at,
           max_by(run_id, computed_at) AS run_id, bool_and(is_final) AS is_final
      FROM exact.retention_cohorts
     WHERE cohort_week <= metric_date
     GROUP BY ALL
)
SELECT cohort_week, week_start, cohort_user_count AS user_count,
       cohort_user_count, cohort_user_count AS cohort_user_count__users,
       returned_user_count,
       CASE WHEN cohort_user_count = returned_user_count THEN returned_user_count
            ELSE least(returned_user_count, cohort_user_count - returned_user_count) END AS returned_user_count__users,
       source_max_updated_at, computed_at, run_id, is_final
  FROM returned JOIN cohort USING (cohort_week)
