-- Are answers getting slower? Mean response time by week, and the change to the week before.
SELECT period_start AS week_start, round(value) AS avg_response_ms,
       round(value - lag(value) OVER (ORDER BY period_start)) AS change_ms
  FROM metric.response_ms_by_week
 ORDER BY week_start
