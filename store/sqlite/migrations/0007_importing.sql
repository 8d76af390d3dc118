-- Whether the store is being filled from an archive: nobody else appends to it or drives a route meanwhile.
ALTER TABLE head ADD COLUMN importing INTEGER NOT NULL DEFAULT 0 CHECK (importing IN (0, 1));
