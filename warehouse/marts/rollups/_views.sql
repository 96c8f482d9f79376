-- What the rollups read: the extracts with the day and the few derived columns they share.
CREATE VIEW message AS
    SELECT *, happened_at::DATE AS metric_date,
           cache_level IS NOT NULL AND lower(cache_level) NOT IN ('miss', 'none', '') AS is_cache_hit
      FROM message_rows;
CREATE VIEW emotion AS SELECT *, happened_at::DATE AS metric_date FROM emotion_rows;
CREATE VIEW call AS SELECT *, happened_at::DATE AS metric_date FROM call_rows;
CREATE VIEW entry AS SELECT * FROM entry_rows;
CREATE VIEW entry_event AS SELECT *, happened_at::DATE AS metric_date FROM entry_event_rows;
CREATE VIEW badge AS SELECT *, happened_at::DATE AS metric_date FROM badge_rows;
CREATE VIEW signup AS SELECT *, happened_at::DATE AS metric_date FROM signup_rows;
CREATE VIEW escalation AS SELECT *, happened_at::DATE AS metric_date FROM escalation_rows;
CREATE VIEW memory AS SELECT * FROM memory_rows;
CREATE VIEW quarantine AS SELECT *, happened_at::DATE AS metric_date FROM quarantine_rows;
CREATE VIEW consent AS SELECT * FROM consent_rows;
CREATE VIEW dsar AS SELECT * FROM dsar_rows;
CREATE VIEW knowledge AS SELECT * FROM knowledge_rows;
CREATE VIEW user_total AS SELECT * FROM user_total_rows;
CREATE VIEW sample AS
    SELECT *, happened_at::DATE AS metric_date,
           CASE WHEN value = 0 THEN -2147483648
                WHEN value > 0 THEN 2 * ceil(ln(value) / ln(1.02))::BIGINT
                ELSE 2 * ceil(ln(-value) / ln(1.02))::BIGINT + 1 END AS bucket
      FROM service_metric_rows
     WHERE isfinite(value);
