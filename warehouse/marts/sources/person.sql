-- user_id UUID, timezone VARCHAR, signup_date DATE, is_fenced BOOLEAN
-- One row per user.
SELECT u.id::text AS user_id,
       p.timezone,
       (u.created_at AT TIME ZONE 'UTC')::date AS signup_date,
       EXISTS (SELECT FROM compliance.erasure_ledger AS l WHERE l.subject_sha256 = sha256(uuid_send(u.id))) AS is_fenced
  FROM auth.users AS u
  LEFT JOIN app.user_profiles AS p ON p.user_id = u.id
