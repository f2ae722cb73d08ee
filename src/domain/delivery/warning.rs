//! What an administrator should know of a delivery domain.

use super::{DirectAccess, OriginAccess, RefererCheck, Terms};
use crate::domain::acl::{Access, BucketAcl};
use crate::domain::urlsign::{Settings, Weakness};

/// What is weak about a delivery domain, in sentences. `settings` are those of its signing.
pub fn warnings(terms: &Terms, settings: Option<&Settings>, acl: BucketAcl) -> Vec<&'static str> {
    let signed = settings.is_some();
    let open = acl.grants(Access::Read);
    let opened = !signed && terms.origin == OriginAccess::Always;
    #[rustfmt::skip]
    let table = [
        (signed && open && terms.direct == DirectAccess::ByAcl,
         "the bucket's ACL lets everybody read the same objects by the bucket's own hosts, without a signature"),
        (opened && !open,
         "URLs are not signed, and the domain gives everybody what the bucket's ACL would not"),
        (opened && terms.referer == RefererCheck::Off,
         "nothing protects the objects: neither signatures nor the referer policy"),
    ];
    let of_signing = settings.map(Settings::weaknesses).unwrap_or_default();
    let of_terms = table.into_iter().filter_map(|(weak, sentence)| weak.then_some(sentence));
    of_signing.into_iter().map(Weakness::sentence).chain(of_terms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::SecretKey;
    use crate::domain::urlsign::{Choices, Scheme};

    #[test]
    fn what_is_weak() {
        use BucketAcl::{Private, PublicRead};
        let settings = |key: &str| {
            let key = SecretKey::new(key.to_owned());
            Settings::new(Choices::new(Scheme::AliA), key, None).unwrap()
        };
        let (long, short) = (settings("0123456789abcdef"), settings("short1"));
        let signed = Terms { signing: Some(Choices::new(Scheme::AliA)), ..Terms::default() };
        let closed = Terms { direct: DirectAccess::SignedOnly, ..signed.clone() };
        let bare = |referer| Terms { origin: OriginAccess::Always, referer, ..Terms::default() };
        #[rustfmt::skip]
        let table = [
            ("nothing",                 &signed,                    Some(&long),  Private,    0),
            ("a short key",             &signed,                    Some(&short), Private,    1),
            ("an open bucket",          &signed,                    Some(&long),  PublicRead, 1),
            ("an open bucket, closed",  &closed,                    Some(&long),  PublicRead, 0),
            ("no signatures",           &Terms::default(),          None,         PublicRead, 0),
            ("a private bucket opened", &bare(RefererCheck::Bucket), None,        Private,    1),
            ("without any protection",  &bare(RefererCheck::Off),   None,         PublicRead, 1),
        ];
        for (name, terms, settings, acl, want) in table {
            assert_eq!(warnings(terms, settings, acl).len(), want, "{name}");
        }
    }
}
