-- happened_at TIMESTAMP, updated_at TIMESTAMP, user_id UUID, minutes DOUBLE, is_completed BOOLEAN, cost DOUBLE, cost_llm DOUBLE, cost_stt DOUBLE, cost_tts DOUBLE, cost_transport DOUBLE
-- One row per voice call, on the day it started (or was asked for, where it never started).
WITH asked AS (
    SELECT c.*, coalesce(c.started_at, c.created_at) AS happened_at,
           CASE WHEN jsonb_typeof(c.cost_breakdown) = 'object' THEN c.cost_breakdown ELSE '{{}}' END AS cost_parts
      FROM voice.calls AS c
     WHERE coalesce(c.started_at, c.created_at) >= {first} AND coalesce(c.started_at, c.created_at) < {end}
)
SELECT happened_at,
       greatest(created_at, started_at, ended_at) AS updated_at,
       user_id::text AS user_id,
       (extract(epoch FROM greatest(ended_at - started_at, interval '0')) / 60)::float8 AS minutes,
       ended_at IS NOT NULL AS is_completed,
       cost_total::float8 AS cost,
       CASE WHEN jsonb_typeof(cost_parts -> 'llm') = 'number' THEN (cost_parts ->> 'llm')::float8 END AS cost_llm,
       CASE WHEN jsonb_typeof(cost_parts -> 'stt') = 'number' THEN (cost_parts ->> 'stt')::float8 END AS cost_stt,
       CASE WHEN jsonb_typeof(cost_parts -> 'tts') = 'number' THEN (cost_parts ->> 'tts')::float8 END AS cost_tts,
       CASE WHEN jsonb_typeof(cost_parts -> 'transport') = 'number'
            THEN (cost_parts ->> 'transport')::float8 END AS cost_transport
  FROM asked
