//! The driver: gives machines time, permits, a journal and a provider.
