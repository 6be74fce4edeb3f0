//! Phones on this host's USB: find, deploy, start, watch and recover over adb.
