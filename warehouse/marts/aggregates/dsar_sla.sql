-- cells: metric_date, request_type; one person makes one request, nearly always
SELECT metric_date, request_type, user_count,
       received_count, least(received_count, user_count) AS received_count__users,
       closed_count, least(closed_count, user_count) AS closed_count__users,
       closed_on_time_count, least(closed_on_time_count, user_count) AS closed_on_time_count__users,
       open_count, least(open_count, user_count) AS open_count__users,
       overdue_count, least(overdue_count, user_count) AS overdue_count__users,
       closing_sum_days, source_max_updated_at, computed_at, run_id, is_final
  FROM exact.dsar_sla
