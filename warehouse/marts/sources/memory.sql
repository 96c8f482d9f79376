-- metric_date DATE, updated_at TIMESTAMP, user_id UUID, event VARCHAR
-- One row per thing that happened to a memory on a day: created, merged, superseded, archived, expired. No text.
WITH touched AS (
    SELECT i.user_id, i.updated_at, i.status, i.superseded_by, i.created_at, i.valid_from, i.valid_to
      FROM memory.items AS i
     WHERE (i.created_at >= {first} AND i.created_at < {end})
        OR (i.valid_to >= {first} AND i.valid_to < {end})
        OR (i.status IN ('archived', 'expired') AND i.updated_at >= {first} AND i.updated_at < {end})
),
happened AS (
    SELECT user_id, updated_at, created_at AS happened_at, 'created' AS event FROM touched
    UNION ALL
    SELECT user_id, updated_at, valid_to, CASE WHEN valid_to = valid_from THEN 'merged' ELSE 'superseded' END
      FROM touched WHERE superseded_by IS NOT NULL
    UNION ALL
    SELECT user_id, updated_at, updated_at, status FROM touched WHERE status IN ('archived', 'expired')
)
SELECT (happened_at AT TIME ZONE 'UTC')::date AS metric_date, updated_at, user_id::text AS user_id, event
  FROM happened
 WHERE happened_at >= {first} AND happened_at < {end}
