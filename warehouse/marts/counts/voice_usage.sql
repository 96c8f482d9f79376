-- call_count
SELECT (coalesce(m.started_at, m.created_at) AT TIME ZONE 'UTC')::date AS metric_date, count(*) AS live_count,
       max(greatest(m.created_at, m.started_at, m.ended_at)) AS live_updated_at
  FROM voice.calls AS m
 WHERE coalesce(m.started_at, m.created_at) >= {first} AND coalesce(m.started_at, m.created_at) < {end} AND {unfenced}
 GROUP BY 1
