-- happened_at TIMESTAMP, updated_at TIMESTAMP, user_id UUID, handling_s DOUBLE
-- One row per escalation raised.
SELECT e.created_at AS happened_at,
       greatest(e.created_at, e.handled_at) AS updated_at,
       e.user_id::text AS user_id,
       CASE WHEN e.handled_at IS NOT NULL
            THEN extract(epoch FROM greatest(e.handled_at - e.created_at, interval '0'))::float8 END AS handling_s
  FROM safety.escalations AS e
 WHERE e.created_at >= {first} AND e.created_at < {end}
