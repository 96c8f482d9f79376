-- user_id UUID, consent_type VARCHAR, from_day DATE, until_day DATE, is_in_force BOOLEAN, updated_at TIMESTAMP
-- One row per consent statement: in force (or refused) from its day until the next one, its end or its withdrawal.
SELECT c.user_id::text AS user_id,
       c.consent_type,
       (c.recorded_at AT TIME ZONE 'UTC')::date AS from_day,
       (least(
           lead(c.recorded_at) OVER (PARTITION BY c.user_id, c.consent_type ORDER BY c.recorded_at, c.consent_id),
           c.expires_at, c.withdrawn_at) AT TIME ZONE 'UTC')::date AS until_day,
       c.granted AS is_in_force,
       greatest(c.recorded_at, c.withdrawn_at) AS updated_at
  FROM compliance.consents AS c
 WHERE c.recorded_at < {end}
