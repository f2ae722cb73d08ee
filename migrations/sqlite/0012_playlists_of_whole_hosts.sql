-- Why: the URIs of a playlist can be signed on the whole host of a domain, and not only where its link
-- reaches. `playlists` had a check that lists its words, and its table cannot be made anew where other
-- tables name it; so the column is made anew, without a check: its words are those of the program.

alter table delivery_domains add column reach text not null default 'signed';
update delivery_domains set reach = playlists;
alter table delivery_domains drop column playlists;
alter table delivery_domains rename column reach to playlists;
