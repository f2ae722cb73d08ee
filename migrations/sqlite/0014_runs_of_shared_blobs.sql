-- Why: small objects that are written at the same time lie in one blob, one behind the other, and each
-- of them is to be one row all the same.
--
-- Rules of this column:
--   * An object of one run of bytes is `size` bytes of `blob` from here on. What was written before
--     begins with the first byte of its blob.
--   * An object of one run that earlier versions named in `extents`, because it begins in the middle
--     of a blob, may stay there.
--   * Without a `blob` it says nothing.

alter table objects add column blob_offset integer not null default 0 check (blob_offset >= 0);
