//! The benchrack agent: measures models on the device it runs on.
