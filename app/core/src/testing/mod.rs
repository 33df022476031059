//! What tests and benchmarks need: people, and a relay in memory.
