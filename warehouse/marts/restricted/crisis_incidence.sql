-- grain: week_start, user_key
WITH newest AS (SELECT max(metric_date) AS newest_date FROM lake_dim_date),
summed AS (
    SELECT date_trunc('week', metric_date)::DATE AS week_start, user_key,
           sum(indicator_count)::BIGINT AS indicator_count,
           sum(intervention_count)::BIGINT AS intervention_count,
           sum(escalation_count)::BIGINT AS escalation_count,
           sum(handled_count)::BIGINT AS handled_count,
           sum(handling_sum_s::DECIMAL(18, 6))::DOUBLE AS handling_sum_s,
           sum(handled_in_1h_count)::BIGINT AS handled_in_1h_count,
           sum(handled_in_24h_count)::BIGINT AS handled_in_24h_count,
           max(source_max_updated_at) AS source_max_updated_at,
           max(computed_at) AS computed_at,
           max_by(run_id, computed_at) AS run_id,
           bool_and(is_final) AS is_final
      FROM lake_crisis_incidence
     GROUP BY ALL
)
SELECT week_start, user_key, indicator_count, intervention_count, escalation_count, handled_count, handling_sum_s,
       handling_sum_s / nullif(handled_count, 0) AS avg_handling_s, handled_in_1h_count, handled_in_24h_count,
       source_max_updated_at, computed_at, run_id, is_final AND week_start + 6 <= newest_date AS is_final
  FROM summed CROSS JOIN newest
