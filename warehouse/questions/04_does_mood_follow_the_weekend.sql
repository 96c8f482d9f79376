-- Are people's messages warmer at weekends? Mean sentiment by weekday.
SELECT weekday_number, is_weekend,
       round(sum(sentiment_sum) / nullif(sum(sentiment_count), 0), 3) AS avg_sentiment,
       sum(sentiment_count)::BIGINT AS sentiment_count
  FROM mart.conversation_analytics JOIN mart.dim_date USING (metric_date)
 GROUP BY weekday_number, is_weekend
 ORDER BY weekday_number
