-- Why: keys outlive signing, and must not come back under another scheme, where a signature of the one
-- is one of the other; and a key must not go while links of it are good, which the time of its last
-- request does not tell.

-- The scheme that the keys of a domain are of. It stays when signing is switched off. Of keys that
-- were kept so before, it is not known: they are of none.
alter table delivery_domains add column key_scheme text;
update delivery_domains set key_scheme = scheme;

-- The last second of the links that a key verified, or that were made with it, as far as they are
-- known. Written with the tallies, and kept for as long as there is such a link.
create table delivery_key_ends (
    domain blob    not null references delivery_domains (id) on delete cascade,
    -- The id of the key.
    key    text    not null,
    until  integer not null,
    primary key (domain, key)
) strict, without rowid;

create index delivery_key_ends_by_end on delivery_key_ends (until);

-- Of what was verified before, the time for which links are good if nobody says more.
insert into delivery_key_ends (domain, key, until)
select tally.domain, tally.detail,
       max(tally.latest) / 1000
           + max(coalesce(domain.validity, iif(domain.scheme = 'ali-live', 86400, 1800)),
                 coalesce(domain.link_lifetime, 0))
           + coalesce(domain.tolerance, 300)
from delivery_tallies as tally join delivery_domains as domain on domain.id = tally.domain
where tally.outcome = 'verified'
group by tally.domain, tally.detail;
