//! Job, lease and device state machines of benchrack, without I/O or clock reads.
