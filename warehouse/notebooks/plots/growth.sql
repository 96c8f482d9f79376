-- Size of each store on the days it was observed.
SELECT metric_date AS period_start, store AS series, sum(size_bytes)::BIGINT AS value, 1 AS row_count, 0 AS hidden_count
  FROM mart.capacity
 WHERE metric_date BETWEEN $first AND $last
 GROUP BY ALL
 ORDER BY period_start, series
