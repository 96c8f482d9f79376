-- Is the mood of journals improving? By week, with a mean over four weeks.
SELECT week_start, avg_mood, entry_count,
       round(sum(mood_sum) OVER recent / nullif(sum(mood_count) OVER recent, 0), 3) AS four_week_mood
  FROM mart.mood_trends
WINDOW recent AS (ORDER BY week_start ROWS BETWEEN 3 PRECEDING AND CURRENT ROW)
 ORDER BY week_start
