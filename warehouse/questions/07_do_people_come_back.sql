-- Do people come back? Share of each sign-up cohort active one, four and eight weeks later.
SELECT cohort_week, max(cohort_user_count) AS cohort_user_count,
       max(retention_rate) FILTER (week_start = cohort_week + 7) AS week_1_rate,
       max(retention_rate) FILTER (week_start = cohort_week + 28) AS week_4_rate,
       max(retention_rate) FILTER (week_start = cohort_week + 56) AS week_8_rate
  FROM mart.retention_cohorts
 GROUP BY cohort_week
 ORDER BY cohort_week
