-- grain: metric_date, user_key, local_date
-- A UTC day holds parts of two or three local days; daylight saving is in the offset that holds at each moment.
WITH happened AS (
    SELECT metric_date, user_id, happened_at, updated_at, 1 AS message, 0 AS entry, 0 AS call, 0 AS xp, 0 AS badge
      FROM message WHERE role = 'user'
    UNION ALL SELECT metric_date, user_id, happened_at, updated_at, 0, 1, 0, 0, 0 FROM entry_event
    UNION ALL SELECT metric_date, user_id, happened_at, updated_at, 0, 0, 1, 0, 0 FROM call
    UNION ALL SELECT metric_date, user_id, happened_at, updated_at, 0, 0, 0, coalesce(xp, 0), 1 FROM badge
),
located AS (
    SELECT metric_date, user_id, updated_at, message, entry, call, xp, badge,
           (happened_at + to_minutes(coalesce(offset_minutes, 0)))::DATE AS local_date
      FROM happened
      JOIN person USING (user_id)
      LEFT JOIN local_time
        ON local_time.timezone = person.timezone AND happened_at >= local_time.from_at AND happened_at < local_time.until_at
),
counted AS (
    SELECT metric_date, user_id, local_date,
           sum(message)::BIGINT AS message_count, sum(entry)::BIGINT AS entry_count, sum(call)::BIGINT AS call_count,
           sum(xp)::BIGINT AS xp_count, sum(badge)::BIGINT AS badge_count, max(updated_at) AS source_max_updated_at
      FROM located
     GROUP BY metric_date, user_id, local_date
)
SELECT metric_date, user_key, local_date, message_count, entry_count, call_count, xp_count, badge_count,
       source_max_updated_at
  FROM counted JOIN person USING (user_id)
