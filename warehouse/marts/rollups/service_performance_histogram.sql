-- grain: metric_date, service, metric, bucket
-- Geometric buckets of ratio 1.02; negative values mirror theirs, zero has a bucket of its own.
SELECT metric_date, service, metric, bucket,
       count(*) AS bucket_count,
       CASE WHEN bucket = -2147483648 THEN 0
            WHEN bucket % 2 = 0 THEN 2 * pow(1.02, bucket // 2) / 2.02
            ELSE -2 * pow(1.02, (bucket - 1) // 2) / 2.02 END AS bucket_value,
       max(updated_at) AS source_max_updated_at
  FROM sample
 GROUP BY metric_date, service, metric, bucket
