//! What every function stands on: serving, validation, problems, event streams, records
