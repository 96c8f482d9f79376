-- grain: metric_date, user_key
-- Sums of scores go through DECIMAL: a sum of doubles depends on the order of the rows, and the bytes must not.
WITH talk AS (
    SELECT metric_date, user_id,
           count(*) AS message_count,
           count(*) FILTER (role = 'user') AS user_message_count,
           count(*) FILTER (role = 'assistant') AS assistant_message_count,
           coalesce(sum(tokens_used), 0)::BIGINT AS token_count,
           count(response_time_ms) AS response_count,
           coalesce(sum(response_time_ms), 0)::DOUBLE AS response_sum_ms,
           coalesce(sum(response_time_ms::BIGINT * response_time_ms::BIGINT), 0)::DOUBLE AS response_sumsq_ms,
           count(*) FILTER (has_indicators OR needs_intervention) AS safety_incident_count,
           count(cache_level) AS cache_lookup_count,
           count(*) FILTER (is_cache_hit) AS cache_hit_count,
           count(quality) AS quality_count,
           coalesce(sum(quality::DECIMAL(18, 6)), 0)::DOUBLE AS quality_sum,
           coalesce(sum((quality * quality)::DECIMAL(18, 6)), 0)::DOUBLE AS quality_sumsq,
           count(sentiment) AS sentiment_count,
           coalesce(sum(sentiment::DECIMAL(18, 6)), 0)::DOUBLE AS sentiment_sum,
           coalesce(sum((sentiment * sentiment)::DECIMAL(18, 6)), 0)::DOUBLE AS sentiment_sumsq,
           max(updated_at) AS updated_at
      FROM message
     GROUP BY metric_date, user_id
),
spoken AS (
    SELECT metric_date, user_id, count(*) AS call_count,
           coalesce(sum(minutes::DECIMAL(18, 6)), 0)::DOUBLE AS voice_minutes,
           max(updated_at) AS updated_at
      FROM call
     GROUP BY metric_date, user_id
)
SELECT metric_date, person.user_key,
       coalesce(message_count, 0) AS message_count,
       coalesce(user_message_count, 0) AS user_message_count,
       coalesce(assistant_message_count, 0) AS assistant_message_count,
       coalesce(token_count, 0) AS token_count,
       coalesce(response_count, 0) AS response_count,
       coalesce(response_sum_ms, 0) AS response_sum_ms,
       coalesce(response_sumsq_ms, 0) AS response_sumsq_ms,
       response_sum_ms / nullif(response_count, 0) AS avg_response_ms,
       coalesce(safety_incident_count, 0) AS safety_incident_count,
       coalesce(cache_lookup_count, 0) AS cache_lookup_count,
       coalesce(cache_hit_count, 0) AS cache_hit_count,
       cache_hit_count / nullif(cache_lookup_count, 0) AS cache_hit_rate,
       coalesce(quality_count, 0) AS quality_count,
       coalesce(quality_sum, 0) AS quality_sum,
       coalesce(quality_sumsq, 0) AS quality_sumsq,
       quality_sum / nullif(quality_count, 0) AS avg_quality,
       coalesce(sentiment_count, 0) AS sentiment_count,
       coalesce(sentiment_sum, 0) AS sentiment_sum,
       coalesce(sentiment_sumsq, 0) AS sentiment_sumsq,
       sentiment_sum / nullif(sentiment_count, 0) AS avg_sentiment,
       coalesce(call_count, 0) AS call_count,
       coalesce(voice_minutes, 0) AS voice_minutes,
       greatest(talk.updated_at, spoken.updated_at) AS source_max_updated_at
  FROM talk FULL JOIN spoken USING (metric_date, user_id) JOIN person USING (user_id)
