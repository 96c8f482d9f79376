-- Messages with each inferred emotion, by period.
SELECT date_trunc('{period}', metric_date)::DATE AS period_start, emotion AS series, sum(emotion_count) AS value,
       count(*) AS row_count, count(*) FILTER (emotion_count IS NULL) AS hidden_count
  FROM mart.emotion_distribution
 WHERE metric_date >= date_trunc('{period}', $first) AND date_trunc('{period}', metric_date) <= $last
 GROUP BY ALL
 ORDER BY period_start, series
