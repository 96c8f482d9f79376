-- grain: metric_date; the calendar of whole years, days without marts and days to come included
SELECT calendar.*, computed_at, run_id, true AS is_final
  FROM calendar
 CROSS JOIN (
      SELECT max(computed_at) AS computed_at, max_by(run_id, computed_at) AS run_id
        FROM lake_dim_date
      HAVING count(*) > 0
  )
