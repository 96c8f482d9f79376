-- grain: metric_date, user_key, emotion
SELECT metric_date, any_value(user_key) AS user_key, emotion,
       count(*) AS emotion_count,
       coalesce(sum(confidence::DECIMAL(18, 6)), 0)::DOUBLE AS confidence_sum,
       coalesce(sum(valence::DECIMAL(18, 6)), 0)::DOUBLE AS valence_sum,
       coalesce(sum(arousal::DECIMAL(18, 6)), 0)::DOUBLE AS arousal_sum,
       max(updated_at) AS source_max_updated_at
  FROM emotion JOIN person USING (user_id)
 GROUP BY metric_date, user_id, emotion
