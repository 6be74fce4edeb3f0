//! The benchrack server: queue, storage, judgement and pages on Postgres.
