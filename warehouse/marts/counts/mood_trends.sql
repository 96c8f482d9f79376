-- entry_count
SELECT m.entry_date AS metric_date, count(*) AS live_count, max(m.updated_at) AS live_updated_at
  FROM journal.entries AS m
 WHERE m.entry_date >= {first_day} AND m.entry_date < {end_day} AND {unfenced}
 GROUP BY 1
