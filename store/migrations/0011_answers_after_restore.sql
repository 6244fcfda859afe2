-- After a restore the provider is asked for the texts people sent since the backup was taken: when that was done.
-- NULL: not yet. What was restored before this column existed is not asked about any more: it would be old news.
ALTER TABLE restored ADD COLUMN answers_read_at timestamptz;
UPDATE restored SET answers_read_at = restored_at;
