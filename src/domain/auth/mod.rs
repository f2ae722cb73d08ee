//! Who sent a request: reading and verifying signatures.
