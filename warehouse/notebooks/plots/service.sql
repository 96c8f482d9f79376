-- A percentile of a service metric by period, read from the added-up histograms of its days.
WITH added AS (
    SELECT date_trunc('{period}', metric_date)::DATE AS period_start, service, bucket_value,
           sum(bucket_count) AS bucket_count
      FROM mart.service_performance_histogram
     WHERE metric = $metric
       AND metric_date >= date_trunc('{period}', $first) AND date_trunc('{period}', metric_date) <= $last
     GROUP BY ALL
),
running AS (
    SELECT period_start, service, bucket_value,
           sum(bucket_count) OVER (PARTITION BY period_start, service ORDER BY bucket_value) AS below_count,
           sum(bucket_count) OVER (PARTITION BY period_start, service) AS sample_count
      FROM added
)
SELECT period_start, service AS series, min(bucket_value) FILTER (below_count >= $share * sample_count) AS value,
       max(sample_count)::BIGINT AS sample_count, 1 AS row_count, 0 AS hidden_count
  FROM running
 GROUP BY ALL
 ORDER BY period_start, series
