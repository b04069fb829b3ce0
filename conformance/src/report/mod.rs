//! Results as people and programs read them. Every report is a view of the same outcomes.

pub mod clauses;
pub mod json;
pub mod junit;
pub mod terminal;
