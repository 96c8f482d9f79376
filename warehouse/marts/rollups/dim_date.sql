-- grain: metric_date
SELECT metric_date,
       date_trunc('week', metric_date)::DATE AS week_start,
       date_trunc('month', metric_date)::DATE AS month_start,
       year(metric_date) AS year_number,
       quarter(metric_date) AS quarter_number,
       month(metric_date) AS month_number,
       isoyear(metric_date) AS iso_year_number,
       week(metric_date) AS iso_week_number,
       isodow(metric_date) AS weekday_number,
       isodow(metric_date) >= 6 AS is_weekend,
       metric_date = last_day(metric_date) AS is_month_end,
       NULL::TIMESTAMP AS source_max_updated_at
  FROM day
