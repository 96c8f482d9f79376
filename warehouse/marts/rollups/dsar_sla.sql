-- grain: metric_date, request_type; every type known by then, for every day
SELECT day.metric_date, request_type,
       count(DISTINCT user_id) FILTER (closed_at IS NULL OR closed_at::DATE >= day.metric_date) AS user_count,
       count(*) FILTER (submitted_at::DATE = day.metric_date) AS received_count,
       count(*) FILTER (closed_at::DATE = day.metric_date) AS closed_count,
       count(*) FILTER (closed_at::DATE = day.metric_date AND closed_at <= due_at)
           AS closed_on_time_count,
       closed_on_time_count / nullif(closed_count, 0) AS on_time_rate,
       coalesce(sum((epoch(closed_at - submitted_at) / 86400)::DECIMAL(18, 6))
           FILTER (closed_at::DATE = day.metric_date), 0)::DOUBLE AS closing_sum_days,
       closing_sum_days / nullif(closed_count, 0) AS avg_closing_days,
       count(*) FILTER (closed_at IS NULL OR closed_at::DATE > day.metric_date) AS open_count,
       count(*) FILTER (
           (closed_at IS NULL OR closed_at::DATE > day.metric_date)
           AND due_at < day.metric_date + INTERVAL 1 DAY) AS overdue_count,
       max(greatest(submitted_at, CASE WHEN closed_at::DATE <= day.metric_date THEN closed_at END))
           AS source_max_updated_at
  FROM day JOIN dsar ON dsar.submitted_at::DATE <= day.metric_date
 GROUP BY day.metric_date, request_type
