-- For what may be lost in a crash of the server: its end does not wait for the disk.
SET LOCAL synchronous_commit = off
