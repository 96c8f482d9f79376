-- Mean minutes from an escalation until somebody handled it, by week or month.
WITH covered AS (
    SELECT date_trunc('{period}', week_start)::DATE AS period_start, count(*) AS row_count,
           count(*) FILTER (handled_count IS NULL) AS hidden_count
      FROM mart.crisis_incidence
     GROUP BY 1
)
SELECT period_start, value / 60 AS value, row_count, hidden_count
  FROM covered LEFT JOIN metric.crisis_handling_s_by_{period} USING (period_start)
 WHERE period_start BETWEEN date_trunc('{period}', $first) AND $last
 ORDER BY period_start
