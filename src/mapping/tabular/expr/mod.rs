//! The expressions of a mapping file: a small, typed, total language over the columns of a row. No loops, no clock, no
//! files; every expression ends, and gives the same for the same row.
//!
//! There is no third truth value: an absent value equals nothing, differs from everything, and is neither less nor more
//! than anything; `is null` asks for it.
//!
//! Not for: which columns a table has (`super::prepare`).

mod check;
mod eval;
mod lex;
mod parse;

use std::sync::Arc;

pub use check::Type;
pub use eval::{Failed, Row, Value};
use regex::Regex;

use super::times::Format;

/// A column as an expression names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The join whose table holds it; the row's own table without.
    pub join: Option<String>,
    pub column: String,
    pub at: usize,
}

/// A column found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slot {
    Own(usize),
    /// The number of the join, and of the column among those kept of it.
    Join(usize, usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    Concat,
    Coalesce,
    If,
    Substr,
    Trim,
    Upper,
    Lower,
    Split,
    Num,
}

/// An expression over columns of the form `R`: a [`Name`] as parsed, a [`Slot`] as run.
#[derive(Clone, Debug)]
pub enum Expr<R> {
    Null,
    Text(String),
    /// Its digits.
    Number(String),
    Boolean(bool),
    Column(R),
    And(Box<[Expr<R>; 2]>),
    Or(Box<[Expr<R>; 2]>),
    Not(Box<Expr<R>>),
    Compare(Comparison, Box<[Expr<R>; 2]>),
    IsNull(Box<Expr<R>>),
    /// The value, then what it may be.
    In(Vec<Expr<R>>),
    Matches(Box<Expr<R>>, Regex),
    /// A group of the first match.
    Extract(Box<Expr<R>>, Regex, usize),
    /// One of the file's named sets of values.
    Lookup(String, Arc<Values>, Box<Expr<R>>),
    ParseDate(Box<Expr<R>>, Vec<Format>, usize),
    /// The last is its place in the text, for errors.
    Call(Function, Vec<Expr<R>>, usize),
}

/// A named set of values: what the source writes, and what it stands for.
pub type Values = std::collections::BTreeMap<String, String>;
/// All of a file's.
pub type ValueSets = std::collections::BTreeMap<String, Arc<Values>>;

/// What is wrong with an expression, and where in it (a byte of its text, counted from 1).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} at character {at} of the expression")]
pub struct ExprError {
    pub what: String,
    pub at: usize,
}

impl ExprError {
    fn new(what: impl Into<String>, at: usize) -> ExprError {
        ExprError { what: what.into(), at: at + 1 }
    }
}

impl Expr<Name> {
    /// Reads an expression and checks its types.
    pub fn parse(text: &str, sets: &ValueSets) -> Result<Expr<Name>, ExprError> {
        let expr = parse::parse(text, sets)?;
        check::type_of(&expr)?;
        Ok(expr)
    }

    /// Reads an expression that must give a truth value.
    pub fn condition(text: &str, sets: &ValueSets) -> Result<Expr<Name>, ExprError> {
        let expr = parse::parse(text, sets)?;
        match check::type_of(&expr)? {
            Type::Boolean => Ok(expr),
            other => Err(ExprError::new(format!("a condition is true or false; this is {}", other.name()), 0)),
        }
    }

    /// A column by its name alone, whatever characters that has.
    pub fn column(name: &str) -> Expr<Name> {
        Expr::Column(Name { join: None, column: name.to_string(), at: 0 })
    }
}

impl<R> Expr<R> {
    /// The same expression over other columns.
    pub fn resolve<S, E>(&self, find: &mut impl FnMut(&R) -> Result<S, E>) -> Result<Expr<S>, E> {
        let mut boxed = |e: &Expr<R>| e.resolve(find).map(Box::new);
        Ok(match self {
            Expr::Null => Expr::Null,
            Expr::Text(text) => Expr::Text(text.clone()),
            Expr::Number(digits) => Expr::Number(digits.clone()),
            Expr::Boolean(value) => Expr::Boolean(*value),
            Expr::Not(e) => Expr::Not(boxed(e)?),
            Expr::IsNull(e) => Expr::IsNull(boxed(e)?),
            Expr::Matches(e, regex) => Expr::Matches(boxed(e)?, regex.clone()),
            Expr::Extract(e, regex, group) => Expr::Extract(boxed(e)?, regex.clone(), *group),
            Expr::Lookup(name, values, e) => Expr::Lookup(name.clone(), values.clone(), boxed(e)?),
            Expr::ParseDate(e, formats, at) => Expr::ParseDate(boxed(e)?, formats.clone(), *at),
            Expr::Column(column) => Expr::Column(find(column)?),
            Expr::And(pair) => Expr::And(both(pair, find)?),
            Expr::Or(pair) => Expr::Or(both(pair, find)?),
            Expr::Compare(how, pair) => Expr::Compare(*how, both(pair, find)?),
            Expr::In(all) => Expr::In(each(all, find)?),
            Expr::Call(function, all, at) => Expr::Call(*function, each(all, find)?, *at),
        })
    }
}

type Pair<S> = Box<[Expr<S>; 2]>;

fn both<R, S, E>(pair: &[Expr<R>; 2], find: &mut impl FnMut(&R) -> Result<S, E>) -> Result<Pair<S>, E> {
    Ok(Box::new([pair[0].resolve(find)?, pair[1].resolve(find)?]))
}

fn each<R, S, E>(all: &[Expr<R>], find: &mut impl FnMut(&R) -> Result<S, E>) -> Result<Vec<Expr<S>>, E> {
    all.iter().map(|e| e.resolve(find)).collect()
}

#[cfg(test)]
mod tests;
