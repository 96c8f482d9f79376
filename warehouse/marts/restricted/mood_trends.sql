-- grain: week_start, user_key
WITH newest AS (SELECT max(metric_date) AS newest_date FROM lake_dim_date),
summed AS (
    SELECT date_trunc('week', metric_date)::DATE AS week_start, user_key,
           sum(entry_count)::BIGINT AS entry_count,
           sum(mood_count)::BIGINT AS mood_count,
           sum(mood_sum::DECIMAL(18, 6))::DOUBLE AS mood_sum,
           sum(mood_sumsq::DECIMAL(18, 6))::DOUBLE AS mood_sumsq,
           sum(word_count)::BIGINT AS word_count,
           max(source_max_updated_at) AS source_max_updated_at,
           max(computed_at) AS computed_at,
           max_by(run_id, computed_at) AS run_id,
           bool_and(is_final) AS is_final
      FROM lake_mood_trends
     GROUP BY ALL
)
SELECT week_start, user_key, entry_count, mood_count, mood_sum, mood_sumsq,
       mood_sum / nullif(mood_count, 0) AS avg_mood,
       CASE WHEN mood_count > 1
            THEN sqrt(greatest(mood_sumsq - mood_sum * mood_sum / mood_count, 0) / (mood_count - 1)) END AS stddev_mood,
       word_count, source_max_updated_at, computed_at, run_id,
       is_final AND week_start + 6 <= newest_date AS is_final
  FROM summed CROSS JOIN newest
