-- metric_date DATE, updated_at TIMESTAMP, user_id UUID, mood DOUBLE, words BIGINT
-- One row per journal entry, on the day the user wrote it for.
SELECT e.entry_date AS metric_date,
       e.updated_at,
       e.user_id::text AS user_id,
       e.mood_score::float8 AS mood,
       e.word_count::bigint AS words
  FROM journal.entries AS e
 WHERE e.entry_date >= {first_day} AND e.entry_date < {end_day}
