-- happened_at TIMESTAMP, updated_at TIMESTAMP, service VARCHAR, metric VARCHAR, value DOUBLE
-- One row per sample of a service metric.
SELECT s.created_at AS happened_at, s.created_at AS updated_at, s.service_name AS service, s.metric_name AS metric,
       s.metric_value::float8 AS value
  FROM ops.service_metrics AS s
 WHERE s.created_at >= {first} AND s.created_at < {end}
