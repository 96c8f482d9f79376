-- happened_at TIMESTAMP, updated_at TIMESTAMP, user_id UUID
-- One row per user who signed up.
SELECT u.created_at AS happened_at, u.created_at AS updated_at, u.id::text AS user_id
  FROM auth.users AS u
 WHERE u.created_at >= {first} AND u.created_at < {end}
