-- What does a minute of voice cost, and which component costs most, by month?
SELECT month_start, round(sum(cost_usd) / nullif(sum(voice_minutes), 0), 4) AS cost_per_minute_usd,
       round(sum(cost_llm_usd), 2) AS cost_llm_usd, round(sum(cost_stt_usd), 2) AS cost_stt_usd,
       round(sum(cost_tts_usd), 2) AS cost_tts_usd, round(sum(cost_transport_usd), 2) AS cost_transport_usd
  FROM mart.voice_usage JOIN mart.dim_date USING (metric_date)
 GROUP BY month_start
 ORDER BY month_start
