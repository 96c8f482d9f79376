-- happened_at TIMESTAMP, updated_at TIMESTAMP, user_id UUID
-- One row per journal entry, at the moment it was written.
SELECT e.created_at AS happened_at, e.updated_at, e.user_id::text AS user_id
  FROM journal.entries AS e
 WHERE e.created_at >= {first} AND e.created_at < {end}
