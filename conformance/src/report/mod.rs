//! Results as people and programs read them. Every report is a view of the same outcomes; all but
//! the terminal's are made from recorded runs ([`json`]), one or several side by side ([`table`]).

pub mod badge;
pub mod changes;
pub mod clauses;
pub mod diff;
pub mod html;
pub mod json;
pub mod junit;
#[cfg(test)]
mod made;
pub mod markdown;
pub mod matrix;
pub mod read;
pub mod table;
pub mod tap;
pub mod terminal;
