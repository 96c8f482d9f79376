-- Does the cache earn its keep? Hit rate of each service by week.
SELECT week_start, service,
       round(sum(lookup_count) FILTER (cache_level <> 'miss') / nullif(sum(lookup_count), 0), 3) AS hit_rate,
       sum(lookup_count)::BIGINT AS lookup_count
  FROM mart.cache_efficiency JOIN mart.dim_date USING (metric_date)
 WHERE NOT is_suppressed
 GROUP BY week_start, service
 ORDER BY week_start, service
