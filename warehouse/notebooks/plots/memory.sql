-- Memories created, merged, superseded, archived, expired and items quarantined, by period.
SELECT date_trunc('{period}', metric_date)::DATE AS period_start, series, sum(value) AS value,
       count(*) AS row_count, count(*) FILTER (value IS NULL) AS hidden_count
  FROM mart.memory_health UNPIVOT INCLUDE NULLS (
       value FOR series IN (created_count AS 'created', merged_count AS 'merged', superseded_count AS 'superseded',
                            archived_count AS 'archived', expired_count AS 'expired',
                            quarantined_count AS 'quarantined'))
 WHERE metric_date >= date_trunc('{period}', $first) AND date_trunc('{period}', metric_date) <= $last
 GROUP BY ALL
 ORDER BY period_start, series
