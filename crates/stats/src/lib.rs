//! The statistics that turn samples into judgements: pure and seeded.
