-- grain: user_key, on the newest day
SELECT day.metric_date, person.user_key, user_total.signup_date, entry_count, mood_count, mood_sum, avg_mood,
       first_entry_date, last_entry_date, active_month_count, streak_count, xp_count, badge_count,
       updated_at AS source_max_updated_at
  FROM user_total JOIN person USING (user_id) CROSS JOIN day
