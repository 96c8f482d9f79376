-- cells: signup_month
SELECT date_trunc('month', signup_date)::DATE AS signup_month,
       count(*) AS user_count,
       sum(entry_count)::BIGINT AS entry_count, count(*) FILTER (entry_count > 0) AS entry_count__users,
       sum(mood_count)::BIGINT AS mood_count, count(*) FILTER (mood_count > 0) AS mood_count__users,
       sum(mood_sum) AS mood_sum,
       max(source_max_updated_at) AS source_max_updated_at, max(computed_at) AS computed_at,
       max_by(run_id, computed_at) AS run_id, bool_and(is_final) AS is_final
  FROM exact.user_statistics
 GROUP BY signup_month
