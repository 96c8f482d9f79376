-- Mean mood of journal entries, by week or month.
WITH covered AS (
    SELECT date_trunc('{period}', week_start)::DATE AS period_start, sum(entry_count) AS entry_count,
           count(*) AS row_count, count(*) FILTER (mood_count IS NULL) AS hidden_count
      FROM mart.mood_trends
     GROUP BY 1
)
SELECT period_start, value, entry_count, row_count, hidden_count
  FROM covered LEFT JOIN metric.mood_by_{period} USING (period_start)
 WHERE period_start BETWEEN date_trunc('{period}', $first) AND $last
 ORDER BY period_start
