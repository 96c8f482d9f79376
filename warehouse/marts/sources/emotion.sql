-- happened_at TIMESTAMP, updated_at TIMESTAMP, user_id UUID, emotion VARCHAR, confidence DOUBLE, valence DOUBLE, arousal DOUBLE
-- One row per emotion inferred, on the day of its message.
SELECT m.created_at AS happened_at,
       greatest(e.inferred_at, m.updated_at) AS updated_at,
       m.user_id::text AS user_id,
       e.label AS emotion,
       e.confidence::float8 AS confidence,
       e.valence::float8 AS valence,
       e.arousal::float8 AS arousal
  FROM app.messages AS m
  JOIN app.message_emotions AS e ON e.message_id = m.id AND e.user_id = m.user_id
 WHERE m.created_at >= {first} AND m.created_at < {end}
