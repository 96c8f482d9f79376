-- Which search strategy is used most, and which is fastest?
SELECT search_strategy, sum(use_count)::BIGINT AS use_count,
       round(sum(latency_sum_ms) / nullif(sum(latency_count), 0), 1) AS avg_latency_ms
  FROM mart.search_strategy_usage
 GROUP BY search_strategy
 ORDER BY use_count DESC NULLS LAST
