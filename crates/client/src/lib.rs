//! Typed HTTP client of the benchrack server.
