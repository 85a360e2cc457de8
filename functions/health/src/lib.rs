//! The health function
