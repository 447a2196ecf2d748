//! What an expression gives for a row.
//!
//! Not for: what becomes of a row whose expression fails (`super::super::map`).

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Comparison, Expr, Function, Slot};
use crate::mapping::fhir::decimal;
use crate::mapping::tabular::times;

/// Where an expression finds its columns.
pub trait Row<'a> {
    /// The value without spaces around it; `None` when it is null.
    fn value(&self, slot: Slot) -> Option<&'a str>;
    /// The zone of times that name none.
    fn zone(&self) -> &jiff::tz::TimeZone;
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value<'a> {
    Null,
    Text(Cow<'a, str>),
    /// Digits, as `mapping::fhir::decimal` gives them.
    Number(Cow<'a, str>),
    Boolean(bool),
}

/// An expression that fails for a row, and where in its text (counted from 1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Failed(pub usize);

impl<'a> Value<'a> {
    fn of(text: Option<&'a str>) -> Value<'a> {
        text.map_or(Value::Null, |text| Value::Text(Cow::Borrowed(text)))
    }

    fn owned(text: String) -> Value<'a> {
        if text.is_empty() { Value::Null } else { Value::Text(Cow::Owned(text)) }
    }

    /// Its text; `None` when it is null.
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Value::Null => None,
            Value::Text(text) | Value::Number(text) => Some(text),
            Value::Boolean(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
        }
    }

    fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) | Value::Number(text) => Some(text),
            Value::Null | Value::Boolean(_) => None,
        }
    }
}

impl Expr<Slot> {
    pub fn is_true<'a>(&'a self, row: &impl Row<'a>) -> Result<bool, Failed> {
        Ok(self.eval(row)? == Value::Boolean(true))
    }

    pub fn eval<'a>(&'a self, row: &impl Row<'a>) -> Result<Value<'a>, Failed> {
        Ok(match self {
            Expr::Null => Value::Null,
            Expr::Text(text) => Value::Text(Cow::Borrowed(text)),
            Expr::Number(digits) => Value::Number(Cow::Borrowed(digits)),
            Expr::Boolean(value) => Value::Boolean(*value),
            Expr::Column(slot) => Value::of(row.value(*slot)),
            Expr::And(pair) => Value::Boolean(pair[0].is_true(row)? && pair[1].is_true(row)?),
            Expr::Or(pair) => Value::Boolean(pair[0].is_true(row)? || pair[1].is_true(row)?),
            Expr::Not(inner) => Value::Boolean(!inner.is_true(row)?),
            Expr::IsNull(inner) => Value::Boolean(inner.eval(row)? == Value::Null),
            Expr::Compare(how, pair) => Value::Boolean(compare(*how, &pair[0].eval(row)?, &pair[1].eval(row)?)),
            Expr::In(all) => Value::Boolean(is_in(all, row)?),
            Expr::Matches(inner, regex) => {
                let value = inner.eval(row)?;
                Value::Boolean(value.as_text().is_some_and(|text| regex.is_match(text)))
            }
            Expr::Extract(inner, regex, group) => {
                let value = inner.eval(row)?;
                let captures = value.as_text().and_then(|text| regex.captures(text));
                Value::owned(captures.and_then(|c| c.get(*group)).map(|m| m.as_str().to_string()).unwrap_or_default())
            }
            Expr::Lookup(_, values, inner) => {
                let value = inner.eval(row)?;
                Value::of(value.as_text().and_then(|text| values.get(text)).map(String::as_str))
            }
            Expr::ParseDate(inner, formats, at) => match inner.eval(row)?.as_text() {
                None => Value::Null,
                Some(text) => Value::owned(times::read(text, formats, row.zone()).ok_or(Failed(at + 1))?),
            },
            Expr::Call(function, all, at) => call(*function, all, *at, row)?,
        })
    }
}

fn is_in<'a>(all: &'a [Expr<Slot>], row: &impl Row<'a>) -> Result<bool, Failed> {
    let Some((wanted, rest)) = all.split_first() else { return Ok(false) };
    let wanted = wanted.eval(row)?;
    for one in rest {
        if compare(Comparison::Equal, &wanted, &one.eval(row)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn compare(how: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    let order = match (left, right) {
        (Value::Text(a), Value::Text(b)) => Some(a.as_ref().cmp(b.as_ref())),
        (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => {
            a.parse::<f64>().ok().zip(b.parse::<f64>().ok()).and_then(|(a, b)| a.partial_cmp(&b))
        }
        _ => None,
    };
    match how {
        Comparison::Equal => order == Some(Ordering::Equal),
        Comparison::NotEqual => order != Some(Ordering::Equal),
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparison::More => order == Some(Ordering::Greater),
        Comparison::MoreOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

fn call<'a>(function: Function, all: &'a [Expr<Slot>], at: usize, row: &impl Row<'a>) -> Result<Value<'a>, Failed> {
    let value = |n: usize| all.get(n).map_or(Ok(Value::Null), |e| e.eval(row));
    match function {
        Function::Concat => {
            let mut out = String::new();
            for expr in all {
                out.push_str(&expr.eval(row)?.into_text().unwrap_or_default());
            }
            Ok(Value::owned(out))
        }
        Function::Coalesce => {
            for expr in all {
                let value = expr.eval(row)?;
                if value != Value::Null {
                    return Ok(value);
                }
            }
            Ok(Value::Null)
        }
        Function::If => value(if value(0)? == Value::Boolean(true) { 1 } else { 2 }),
        Function::Substr => {
            let (start, count) = (whole(value(1)?, at)?, value(2)?);
            let count = if count == Value::Null { usize::MAX } else { whole(count, at)? };
            Ok(cut(value(0)?, |text| text.chars().skip(start.saturating_sub(1)).take(count).collect()))
        }
        Function::Trim => Ok(cut(value(0)?, |text| text.trim().to_string())),
        Function::Upper => Ok(cut(value(0)?, str::to_uppercase)),
        Function::Lower => Ok(cut(value(0)?, str::to_lowercase)),
        Function::Split => {
            let (separator, number) = (value(1)?, whole(value(2)?, at)?);
            let separator = separator.as_text().filter(|s| !s.is_empty()).ok_or(Failed(at + 1))?;
            let part = |text: &str| text.split(separator).nth(number.saturating_sub(1)).unwrap_or_default().trim().to_string();
            Ok(cut(value(0)?, part))
        }
        Function::Num => match value(0)?.as_text() {
            None => Ok(Value::Null),
            Some(text) => decimal(text).map(|number| Value::Number(Cow::Owned(number))).ok_or(Failed(at + 1)),
        },
    }
}

fn cut<'a>(value: Value<'_>, part: impl Fn(&str) -> String) -> Value<'a> {
    value.as_text().map_or(Value::Null, |text| Value::owned(part(text)))
}

/// A count: a whole number that is not negative.
fn whole(value: Value<'_>, at: usize) -> Result<usize, Failed> {
    value.as_text().and_then(|text| text.parse().ok()).ok_or(Failed(at + 1))
}
