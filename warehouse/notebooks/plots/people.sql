-- People who wrote on a day, averaged over the days of the period: users of several days do not add up.
SELECT date_trunc('{period}', metric_date)::DATE AS period_start, avg(user_count) AS value,
       count(*) AS row_count, count(*) FILTER (user_count IS NULL) AS hidden_count
  FROM mart.conversation_analytics
 WHERE metric_date >= date_trunc('{period}', $first) AND date_trunc('{period}', metric_date) <= $last
 GROUP BY 1
 ORDER BY period_start
