-- grain: metric_date, content_type, on the newest day
WITH review AS (
    SELECT day.metric_date, content_type, last_reviewed, knowledge.updated_at,
           (last_reviewed + to_months(coalesce(review_cycle_months, 12)))::DATE AS due_day
      FROM knowledge CROSS JOIN day
)
SELECT metric_date, content_type,
       count(*) AS document_count,
       count(last_reviewed) AS reviewed_count,
       count(*) FILTER (due_day >= metric_date AND due_day < metric_date + 30) AS review_due_count,
       count(*) FILTER (due_day IS NULL OR due_day < metric_date) AS review_overdue_count,
       1 - review_overdue_count / document_count AS fresh_rate,
       coalesce(sum(greatest(metric_date - last_reviewed::DATE, 0)), 0)::DOUBLE AS review_age_sum_days,
       review_age_sum_days / nullif(reviewed_count, 0) AS avg_review_age_days,
       max(updated_at) AS source_max_updated_at
  FROM review
 GROUP BY metric_date, content_type
