-- emotion_count
SELECT (m.created_at AT TIME ZONE 'UTC')::date AS metric_date, count(*) AS live_count,
       max(greatest(e.inferred_at, m.updated_at)) AS live_updated_at
  FROM app.messages AS m
  JOIN app.message_emotions AS e ON e.message_id = m.id AND e.user_id = m.user_id
 WHERE m.created_at >= {first} AND m.created_at < {end} AND {unfenced}
 GROUP BY 1
