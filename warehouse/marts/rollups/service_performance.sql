-- grain: metric_date, service, metric
WITH bucketed AS (
    SELECT metric_date, service, metric, bucket, bucket_value, bucket_count,
           sum(bucket_count) OVER (PARTITION BY metric_date, service, metric ORDER BY bucket_value) AS below_count,
           sum(bucket_count) OVER (PARTITION BY metric_date, service, metric) AS total_count
      FROM service_performance_histogram
),
percentile AS (
    SELECT metric_date, service, metric,
           min(bucket_value) FILTER (below_count >= 0.50 * total_count) AS p50_value,
           min(bucket_value) FILTER (below_count >= 0.95 * total_count) AS p95_value,
           min(bucket_value) FILTER (below_count >= 0.99 * total_count) AS p99_value
      FROM bucketed
     GROUP BY metric_date, service, metric
),
summed AS (
    SELECT metric_date, service, metric,
           count(*) AS value_count,
           sum(value::DECIMAL(28, 6))::DOUBLE AS value_sum,
           sum((value * value)::DECIMAL(38, 6))::DOUBLE AS value_sumsq,
           max(updated_at) AS source_max_updated_at
      FROM sample
     GROUP BY metric_date, service, metric
)
SELECT metric_date, service, metric, value_count, value_sum, value_sumsq, value_sum / value_count AS avg_value,
       p50_value, p95_value, p99_value, source_max_updated_at
  FROM summed JOIN percentile USING (metric_date, service, metric)
