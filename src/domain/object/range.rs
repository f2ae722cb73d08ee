//! Which part of an object a request wants.
