-- How many crisis indicators a week, and how fast was an escalation handled?
SELECT week_start, indicator_count, escalation_count, round(avg_handling_s / 60) AS avg_handling_minutes,
       round(handled_in_1h_count / nullif(escalation_count, 0), 2) AS handled_in_1h_rate, is_suppressed
  FROM mart.crisis_incidence
 ORDER BY week_start
