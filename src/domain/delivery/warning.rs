//! What an administrator should know of a delivery domain.

use std::borrow::Cow;

use super::{DirectAccess, OriginAccess, Playlists, RefererCheck, Terms};
use crate::domain::op::HostName;
use crate::domain::urlsign::{Settings, Weakness};

/// What is around a delivery domain, and can make it weak.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What the bucket lets everybody do by its own hosts.
    pub everybody: Everybody,
    /// Whether something tells in which region a client is.
    pub knows_regions: bool,
    /// Another domain that leaves some of the same objects to signed requests alone.
    pub closed_by: Option<HostName>,
    /// Hosts of other domains that verify by a key of this one.
    pub sharing: Vec<HostName>,
}

/// What everybody may do to the objects of a bucket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everybody {
    /// Whether they may read them.
    pub reads: bool,
    /// Whether they may write them.
    pub writes: bool,
}

/// What is weak about a delivery domain, or cannot work, in sentences. `settings` are those of its
/// signing.
pub fn warnings(
    terms: &Terms,
    settings: Option<&Settings>,
    around: &Surroundings,
) -> Vec<Cow<'static, str>> {
    let Everybody { reads: open, writes: writable } = around.everybody;
    let signed = settings.is_some();
    let opened = !signed && terms.origin == OriginAccess::Always;
    let anybody = !signed && (open || opened);
    #[rustfmt::skip]
    let table = [
        (signed && open && terms.direct == DirectAccess::ByAcl,
         "the bucket's ACL or policy lets everybody read the same objects by the bucket's own hosts, without a signature"),
        (opened && !open,
         "URLs are not signed, and the domain gives everybody what the bucket would not"),
        (signed && writable && terms.playlists == Playlists::SignedHost,
         "everybody may write to the bucket, and has whatever is on the host signed by a playlist of their own"),
        (anybody && terms.referer == RefererCheck::Off,
         "nothing protects the objects: neither signatures nor the referer policy"),
        (terms.asks_for_regions() && !around.knows_regions,
         "links with whreg or bkreg are refused: there is nothing that tells where a client is (the server's setting client_region_header)"),
    ];
    let of_signing = settings.map(Settings::weaknesses).unwrap_or_default();
    let of_terms = table.into_iter().filter_map(|(weak, sentence)| weak.then_some(sentence));
    let fixed = of_signing.into_iter().map(Weakness::sentence).chain(of_terms);
    let closed_by = around.closed_by.as_ref().filter(|_| opened && open);
    let others = closed_by.map(of_closed).into_iter().chain(of_keys(&around.sharing));
    fixed.map(Cow::Borrowed).chain(others.map(Cow::Owned)).collect()
}

fn of_closed(by: &HostName) -> String {
    format!(
        "URLs are not signed, and the domain gives everybody what {by} leaves to signed requests"
    )
}

/// No text under a signature has the host in it, so a link is good wherever its key is.
fn of_keys(sharing: &[HostName]) -> Option<String> {
    let hosts: Vec<_> = sharing.iter().map(HostName::as_str).collect();
    let hosts = hosts.join(", ");
    (!hosts.is_empty()).then(|| {
        format!(
            "other domains have the same key ({hosts}), and take links that are made for this one"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::SecretKey;
    use crate::domain::urlsign::{Choices, Regions, Scheme};

    #[test]
    fn what_is_weak() {
        const OPEN: bool = true;
        const SHUT: bool = false;
        let to = |reads, writes| Surroundings {
            everybody: Everybody { reads, writes },
            ..Surroundings::default()
        };
        let settings = |key: &str| {
            let key = SecretKey::new(key.to_owned());
            Settings::new(Choices::new(Scheme::AliA), key, None).unwrap()
        };
        let (long, short) = (settings("0123456789abcdef"), settings("short1"));
        let signed = Terms { signing: Some(Choices::new(Scheme::AliA)), ..Terms::default() };
        let closed = Terms { direct: DirectAccess::SignedOnly, ..signed.clone() };
        let whole = Terms { playlists: Playlists::SignedHost, ..closed.clone() };
        let bare = |referer| Terms { origin: OriginAccess::Always, referer, ..Terms::default() };
        let off = Terms { referer: RefererCheck::Off, ..Terms::default() };
        let by_acl = Terms { origin: OriginAccess::ByAcl, ..off.clone() };
        #[rustfmt::skip]
        let table = [
            ("nothing",                 &signed,                    Some(&long),  SHUT, 0),
            ("a short key",             &signed,                    Some(&short), SHUT, 1),
            ("an open bucket",          &signed,                    Some(&long),  OPEN, 1),
            ("an open bucket, closed",  &closed,                    Some(&long),  OPEN, 0),
            ("no signatures",           &Terms::default(),          None,         OPEN, 0),
            ("a private bucket opened", &bare(RefererCheck::Bucket), None,        SHUT, 1),
            ("without any protection",  &bare(RefererCheck::Off),   None,         OPEN, 1),
            ("an open bucket without its policy", &off,             None,         OPEN, 1),
            ("the same, as its ACL says", &by_acl,                  None,         OPEN, 1),
            ("a private bucket without its policy", &off,           None,         SHUT, 0),
            ("a private bucket opened without it", &bare(RefererCheck::Off), None, SHUT, 2),
        ];
        for (name, terms, settings, open, want) in table {
            let around = to(open, false);
            assert_eq!(warnings(terms, settings, &around).len(), want, "{name}");
        }
        let closed_by = Some("a.example.com".parse().unwrap());
        let elsewhere = Surroundings { closed_by, ..to(true, false) };
        let all = to(true, true);
        #[rustfmt::skip]
        let table = [
            ("what another closes",       &bare(RefererCheck::Bucket), None,        &elsewhere, 1),
            ("what another closes, shut", &Terms::default(),           None,        &elsewhere, 0),
            ("links of whoever writes",   &whole,                      Some(&long), &all,       1),
            ("those within reach",        &closed,                     Some(&long), &all,       0),
            ("links of the owner",        &whole,                      Some(&long), &elsewhere, 0),
        ];
        for (name, terms, settings, around, want) in table {
            assert_eq!(warnings(terms, settings, around).len(), want, "{name}");
        }
        let sharing = ["a.example.com", "b.example.com"].map(|host| host.parse().unwrap()).into();
        let shared = warnings(&signed, Some(&long), &Surroundings { sharing, ..to(false, false) });
        assert!(matches!(&shared[..], [one] if one.contains("(a.example.com, b.example.com)")));
    }

    #[test]
    fn regions_that_nothing_tells() {
        let vod = |regions| Choices { regions, ..Choices::new(Scheme::TencentVod) };
        #[rustfmt::skip]
        let table = [
            ("asked for, and told",     Regions::Known,   true,  0),
            ("asked for by links",      Regions::Known,   false, 1),
            ("not asked for",           Regions::Unknown, false, 0),
            ("told for nobody",         Regions::Unknown, true,  0),
        ];
        for (name, regions, knows_regions, want) in table {
            let key = SecretKey::new("24FEQmTzro4V5u3D5epW".to_owned());
            let settings = Settings::new(vod(regions), key, None).unwrap();
            let terms = Terms { signing: Some(vod(regions)), ..Terms::default() };
            let around = Surroundings { knows_regions, ..Surroundings::default() };
            let said = warnings(&terms, Some(&settings), &around);
            let said = said.iter().filter(|text| text.contains("client_region_header"));
            assert_eq!(said.count(), want, "{name}");
        }
    }
}
