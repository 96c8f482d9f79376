-- How many messages a day, and how many people wrote, over the last eight weeks?
SELECT metric_date, message_count, user_count
  FROM mart.conversation_analytics
 WHERE metric_date > (SELECT max(metric_date) - 56 FROM mart.conversation_analytics)
 ORDER BY metric_date
