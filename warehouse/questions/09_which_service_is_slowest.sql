-- Which service was slowest last month? 95th percentile over the month, from merged histograms.
WITH merged AS (
    SELECT service, metric, bucket_value, sum(bucket_count) AS bucket_count
      FROM mart.service_performance_histogram
     WHERE metric_date > (SELECT max(metric_date) - 30 FROM mart.service_performance_histogram)
     GROUP BY service, metric, bucket_value
),
running AS (
    SELECT service, metric, bucket_value,
           sum(bucket_count) OVER (PARTITION BY service, metric ORDER BY bucket_value) AS below_count,
           sum(bucket_count) OVER (PARTITION BY service, metric) AS total_count
      FROM merged
)
SELECT service, metric, round(min(bucket_value) FILTER (below_count >= 0.95 * total_count), 1) AS p95_value,
       max(total_count)::BIGINT AS value_count
  FROM running
 GROUP BY service, metric
 ORDER BY p95_value DESC
