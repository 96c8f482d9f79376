-- request_type VARCHAR, user_id UUID, submitted_at TIMESTAMP, due_at TIMESTAMP, closed_at TIMESTAMP
-- One row per request submitted before the end of the range; the user is gone from a request for erasure that is done.
SELECT d.request_type, d.user_id::text AS user_id, d.submitted_at,
       coalesce(d.due_at, d.submitted_at + interval '30 days') AS due_at, d.closed_at
  FROM compliance.dsar_requests AS d
 WHERE d.submitted_at < {end}
