-- content_type VARCHAR, last_reviewed TIMESTAMP, review_cycle_months INTEGER, updated_at TIMESTAMP
-- One row per knowledge document in use.
SELECT d.source_type AS content_type, d.last_reviewed_at AS last_reviewed, d.review_cycle_months, d.updated_at
  FROM knowledge.documents AS d
 WHERE d.created_at < {end} AND d.archived_at IS NULL
