-- Version 2: a room's last event is looked up where it stands, instead of being noted in the room with each post.
-- An append writes no second row any more, and nothing can disagree.
ALTER TABLE rooms DROP COLUMN seq;
ALTER TABLE rooms DROP COLUMN at;
