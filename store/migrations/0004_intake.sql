-- Intake of many homes a second: rows that are written all the time stay where they are, and grow no further.

-- Room on each page for the next version of a row: no index has to be touched (HOT), because none of the columns that
-- ingest writes is indexed. Keep it so.
ALTER TABLE intake SET (fillfactor = 60);
ALTER TABLE hub SET (fillfactor = 75);
ALTER TABLE sensor SET (fillfactor = 75);
ALTER TABLE hub_sequence SET (fillfactor = 75);

-- The common case is one number: everything from 1 to `contiguous` is stored. `seen` is what is stored beyond the first gap.
ALTER TABLE hub_sequence ADD COLUMN contiguous bigint NOT NULL DEFAULT 0;
UPDATE hub_sequence
   SET contiguous = (SELECT upper(part) - 1 FROM unnest(seen) AS part WHERE part @> 1::bigint)
 WHERE seen @> 1::bigint;
UPDATE hub_sequence SET seen = seen - int8multirange(int8range(1, contiguous + 1)) WHERE contiguous > 0;
ALTER TABLE hub_sequence ALTER COLUMN seen SET DEFAULT '{}';

-- Rejected messages are counted by home, hour and reason, kept or not. '' stands for hours counted before this migration.
ALTER TABLE rejected_hour ADD COLUMN reason text NOT NULL DEFAULT '';
ALTER TABLE rejected_hour DROP CONSTRAINT rejected_hour_pkey;
ALTER TABLE rejected_hour ADD PRIMARY KEY (home_id, hour, reason);
CREATE INDEX rejected_hour_hour ON rejected_hour (hour);
