-- grain: metric_date, user_key
SELECT metric_date, any_value(user_key) AS user_key,
       count(*) AS entry_count,
       count(mood) AS mood_count,
       coalesce(sum(mood::DECIMAL(18, 6)), 0)::DOUBLE AS mood_sum,
       coalesce(sum((mood * mood)::DECIMAL(18, 6)), 0)::DOUBLE AS mood_sumsq,
       coalesce(sum(words), 0)::BIGINT AS word_count,
       max(updated_at) AS source_max_updated_at
  FROM entry JOIN person USING (user_id)
 GROUP BY metric_date, user_id
