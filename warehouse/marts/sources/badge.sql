-- happened_at TIMESTAMP, updated_at TIMESTAMP, user_id UUID, xp BIGINT
-- One row per badge earned.
SELECT u.earned_at AS happened_at, u.earned_at AS updated_at, u.user_id::text AS user_id, b.xp_award::bigint AS xp
  FROM engagement.user_badges AS u
  JOIN engagement.badges AS b ON b.id = u.badge_id
 WHERE u.earned_at >= {first} AND u.earned_at < {end}
