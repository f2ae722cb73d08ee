use super::*;
use std::collections::HashSet;

#[test]
fn every_ec_belongs_to_one_reason() {
    let mut seen = HashSet::new();
    for (name, reason) in reasons() {
        if let Some(ec) = reason.ec {
            assert!(seen.insert(ec), "{name}: {ec} is taken");
            let (family, number) = ec.split_once('-').unwrap();
            assert!(family.len() == 4 && number.len() == 8, "{name}: {ec}");
        }
    }
}

#[test]
fn a_code_is_an_error() {
    for code in Code::ALL {
        assert!(code.status().as_u16() >= 400, "{}", code.as_str());
        assert!(!code.message().is_empty(), "{}", code.as_str());
    }
}
