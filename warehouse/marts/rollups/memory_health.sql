-- grain: metric_date; a row for every day
WITH happened AS (
    SELECT metric_date, user_id, event, updated_at FROM memory JOIN person USING (user_id)
    UNION ALL
    SELECT metric_date, user_id, 'quarantined', updated_at
      FROM quarantine WHERE user_id IS NULL OR user_id IN (SELECT user_id FROM person)
)
SELECT metric_date,
       count(DISTINCT user_id) AS user_count,
       count(*) FILTER (event = 'created') AS created_count,
       count(*) FILTER (event = 'merged') AS merged_count,
       count(*) FILTER (event = 'superseded') AS superseded_count,
       count(*) FILTER (event = 'archived') AS archived_count,
       count(*) FILTER (event = 'expired') AS expired_count,
       count(*) FILTER (event = 'quarantined') AS quarantined_count,
       max(updated_at) AS source_max_updated_at
  FROM day LEFT JOIN happened USING (metric_date)
 GROUP BY metric_date
