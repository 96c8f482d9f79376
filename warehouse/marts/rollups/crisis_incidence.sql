-- grain: metric_date, user_key; only users with something to report
WITH raised AS (
    SELECT metric_date, user_id,
           has_indicators::INT AS indicator, needs_intervention::INT AS intervention,
           0 AS escalation, NULL::DOUBLE AS handling_s, updated_at
      FROM message
     WHERE has_indicators OR needs_intervention
    UNION ALL
    SELECT metric_date, user_id, 0, 0, 1, handling_s, updated_at FROM escalation
)
SELECT metric_date, any_value(user_key) AS user_key,
       sum(indicator)::BIGINT AS indicator_count,
       sum(intervention)::BIGINT AS intervention_count,
       sum(escalation)::BIGINT AS escalation_count,
       count(handling_s) AS handled_count,
       coalesce(sum(handling_s::DECIMAL(18, 6)), 0)::DOUBLE AS handling_sum_s,
       count(*) FILTER (handling_s <= 3600) AS handled_in_1h_count,
       count(*) FILTER (handling_s <= 86400) AS handled_in_24h_count,
       max(updated_at) AS source_max_updated_at
  FROM raised JOIN person USING (user_id)
 GROUP BY metric_date, user_id
