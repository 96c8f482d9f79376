-- Mean sentiment of messages, by period.
WITH covered AS (
    SELECT date_trunc('{period}', metric_date)::DATE AS period_start, count(*) AS row_count,
           count(*) FILTER (sentiment_count IS NULL) AS hidden_count
      FROM mart.conversation_analytics
     GROUP BY 1
)
SELECT period_start, value, row_count, hidden_count
  FROM covered LEFT JOIN metric.message_sentiment_by_{period} USING (period_start)
 WHERE period_start BETWEEN date_trunc('{period}', $first) AND $last
 ORDER BY period_start
