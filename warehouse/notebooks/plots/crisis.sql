-- Messages with crisis indicators, those that asked for an intervention, and escalations, by week or month.
SELECT date_trunc('{period}', week_start)::DATE AS period_start, series, sum(value) AS value,
       count(*) AS row_count, count(*) FILTER (value IS NULL) AS hidden_count
  FROM mart.crisis_incidence UNPIVOT INCLUDE NULLS (
       value FOR series IN (indicator_count AS 'indicators', intervention_count AS 'interventions',
                            escalation_count AS 'escalations'))
 WHERE week_start >= date_trunc('{period}', $first) AND date_trunc('{period}', week_start) <= $last
 GROUP BY ALL
 ORDER BY period_start, series
