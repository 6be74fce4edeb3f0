//! The benchrack program of a host: serve, demo, submit, gate and the rest.
