-- happened_at TIMESTAMP, updated_at TIMESTAMP, user_id UUID
-- One row per item in quarantine; the user is not always known.
SELECT q.created_at AS happened_at, q.created_at AS updated_at, q.user_id::text AS user_id
  FROM ops.quarantine AS q
 WHERE q.created_at >= {first} AND q.created_at < {end}
