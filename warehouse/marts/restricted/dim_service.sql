-- grain: service
SELECT service, min(metric_date) AS first_seen_date, max(metric_date) AS last_seen_date,
       sum(sample_count)::BIGINT AS sample_count,
       max(source_max_updated_at) AS source_max_updated_at, max(computed_at) AS computed_at,
       max_by(run_id, computed_at) AS run_id, bool_and(is_final) AS is_final
  FROM lake_dim_service
 GROUP BY service
