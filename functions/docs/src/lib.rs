//! The docs function
