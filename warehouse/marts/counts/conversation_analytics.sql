-- message_count
SELECT (m.created_at AT TIME ZONE 'UTC')::date AS metric_date, count(*) AS live_count,
       max(m.updated_at) AS live_updated_at
  FROM app.messages AS m
 WHERE m.created_at >= {first} AND m.created_at < {end} AND {unfenced}
 GROUP BY 1
