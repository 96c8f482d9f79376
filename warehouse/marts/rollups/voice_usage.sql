-- grain: metric_date, user_key
WITH used AS (
    SELECT metric_date, user_id,
           count(*) AS call_count,
           count(*) FILTER (is_completed) AS completed_call_count,
           coalesce(sum(minutes::DECIMAL(18, 6)), 0)::DOUBLE AS voice_minutes,
           coalesce(sum(cost::DECIMAL(18, 6)), 0) AS cost,
           coalesce(sum(cost_llm::DECIMAL(18, 6)), 0) AS cost_llm,
           coalesce(sum(cost_stt::DECIMAL(18, 6)), 0) AS cost_stt,
           coalesce(sum(cost_tts::DECIMAL(18, 6)), 0) AS cost_tts,
           coalesce(sum(cost_transport::DECIMAL(18, 6)), 0) AS cost_transport,
           max(updated_at) AS source_max_updated_at
      FROM call
     GROUP BY metric_date, user_id
)
SELECT metric_date, user_key, call_count, completed_call_count, voice_minutes,
       cost::DOUBLE AS cost_usd, cost_llm::DOUBLE AS cost_llm_usd, cost_stt::DOUBLE AS cost_stt_usd,
       cost_tts::DOUBLE AS cost_tts_usd, cost_transport::DOUBLE AS cost_transport_usd,
       (cost - cost_llm - cost_stt - cost_tts - cost_transport)::DOUBLE AS cost_other_usd,
       source_max_updated_at
  FROM used JOIN person USING (user_id)
