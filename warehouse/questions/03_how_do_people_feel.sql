-- Which emotions are felt, as shares of all that may be shown, month by month?
SELECT month_start, emotion, sum(emotion_count)::BIGINT AS emotion_count,
       round(sum(emotion_count) / sum(sum(emotion_count)) OVER (PARTITION BY month_start), 3) AS share
  FROM mart.emotion_distribution JOIN mart.dim_date USING (metric_date)
 WHERE NOT is_suppressed
 GROUP BY month_start, emotion
 ORDER BY month_start, emotion_count DESC
