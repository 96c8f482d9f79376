-- happened_at TIMESTAMP, updated_at TIMESTAMP, user_id UUID, role VARCHAR, response_time_ms INTEGER, tokens_used INTEGER, sentiment DOUBLE, service VARCHAR, search_strategy VARCHAR, cache_level VARCHAR, quality DOUBLE, latency_ms DOUBLE, has_indicators BOOLEAN, needs_intervention BOOLEAN
-- One row per message, no text.
SELECT m.created_at AS happened_at,
       m.updated_at,
       m.user_id::text AS user_id,
       m.role,
       m.response_time_ms,
       m.tokens_used,
       m.sentiment_score::float8 AS sentiment,
       m.service_context ->> 'service' AS service,
       m.performance ->> 'search_strategy' AS search_strategy,
       m.performance ->> 'cache_level' AS cache_level,
       CASE WHEN jsonb_typeof(m.performance -> 'quality_score') = 'number'
            THEN (m.performance ->> 'quality_score')::float8 END AS quality,
       CASE WHEN jsonb_typeof(m.performance -> 'latency_ms') = 'number'
            THEN (m.performance ->> 'latency_ms')::float8 END AS latency_ms,
       m.crisis_indicators <> '{{}}' AS has_indicators,
       m.requires_intervention AS needs_intervention
  FROM app.messages AS m
 WHERE m.created_at >= {first} AND m.created_at < {end}
