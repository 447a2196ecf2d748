//! The types of expressions: what is compared with what, and what a function takes.
//!
//! Not for: running them (`eval`).

use super::{Comparison, Expr, ExprError, Function, Name};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// `null`, which fits everywhere.
    Any,
    Text,
    Number,
    Boolean,
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::Any => "null",
            Type::Text => "text",
            Type::Number => "a number",
            Type::Boolean => "true or false",
        }
    }

    fn fits(self, other: Type) -> bool {
        self == other || self == Type::Any || other == Type::Any
    }
}

/// The type of an expression; an error where its parts do not fit.
pub fn type_of(expr: &Expr<Name>) -> Result<Type, ExprError> {
    match expr {
        Expr::Null => Ok(Type::Any),
        Expr::Text(_) | Expr::Column(_) => Ok(Type::Text),
        Expr::Number(_) => Ok(Type::Number),
        Expr::Boolean(_) => Ok(Type::Boolean),
        Expr::And(pair) | Expr::Or(pair) => {
            demand(&pair[0], Type::Boolean)?;
            demand(&pair[1], Type::Boolean)
        }
        Expr::Not(inner) => demand(inner, Type::Boolean),
        Expr::IsNull(inner) => type_of(inner).map(|_| Type::Boolean),
        Expr::Compare(how, pair) => {
            let (left, right) = (type_of(&pair[0])?, type_of(&pair[1])?);
            if !left.fits(right) {
                return Err(unlike(&pair[0], left, right));
            }
            let is_order = !matches!(how, Comparison::Equal | Comparison::NotEqual);
            if is_order && left == Type::Boolean {
                return Err(ExprError::new("true and false have no order", place(&pair[0])));
            }
            Ok(Type::Boolean)
        }
        Expr::In(all) => {
            same(all)?;
            Ok(Type::Boolean)
        }
        Expr::Matches(inner, _) => demand(inner, Type::Text).map(|_| Type::Boolean),
        Expr::Extract(inner, ..) | Expr::Lookup(_, _, inner) | Expr::ParseDate(inner, ..) => demand(inner, Type::Text),
        Expr::Call(function, all, at) => call(*function, all, *at),
    }
}

fn call(function: Function, all: &[Expr<Name>], at: usize) -> Result<Type, ExprError> {
    let count = |from: usize, to: usize| match all.len() {
        n if (from..=to).contains(&n) => Ok(()),
        n => Err(ExprError::new(format!("a function given {n} values that takes {from} to {to}"), at)),
    };
    match function {
        Function::Concat => {
            count(1, 64)?;
            all.iter().try_for_each(|e| type_of(e).map(|_| ()))?;
            Ok(Type::Text)
        }
        Function::Coalesce => {
            count(1, 64)?;
            same(all)
        }
        Function::If => {
            count(3, 3)?;
            demand(&all[0], Type::Boolean)?;
            same(&all[1..])
        }
        Function::Substr => {
            count(2, 3)?;
            all[1..].iter().try_for_each(|e| demand(e, Type::Number).map(|_| ()))?;
            demand(&all[0], Type::Text)
        }
        Function::Trim | Function::Upper | Function::Lower => {
            count(1, 1)?;
            demand(&all[0], Type::Text)
        }
        Function::Split => {
            count(3, 3)?;
            demand(&all[0], Type::Text)?;
            demand(&all[2], Type::Number)?;
            demand(&all[1], Type::Text)
        }
        Function::Num => {
            count(1, 1)?;
            demand(&all[0], Type::Text)?;
            Ok(Type::Number)
        }
    }
}

fn demand(expr: &Expr<Name>, wanted: Type) -> Result<Type, ExprError> {
    let found = type_of(expr)?;
    if found.fits(wanted) { Ok(wanted) } else { Err(unlike(expr, found, wanted)) }
}

/// The one type of all.
fn same(all: &[Expr<Name>]) -> Result<Type, ExprError> {
    let mut common = Type::Any;
    for expr in all {
        let found = type_of(expr)?;
        if !common.fits(found) {
            return Err(unlike(expr, found, common));
        }
        common = if common == Type::Any { found } else { common };
    }
    Ok(common)
}

fn unlike(expr: &Expr<Name>, found: Type, wanted: Type) -> ExprError {
    let hint = if (found, wanted) == (Type::Text, Type::Number) { "; `num(…)` makes a number of a column" } else { "" };
    ExprError::new(format!("{} where {} belongs{hint}", found.name(), wanted.name()), place(expr))
}

/// Where the first column or function of an expression stands.
fn place(expr: &Expr<Name>) -> usize {
    match expr {
        Expr::Null | Expr::Text(_) | Expr::Number(_) | Expr::Boolean(_) => 0,
        Expr::Column(name) => name.at,
        Expr::And(pair) | Expr::Or(pair) | Expr::Compare(_, pair) => place(&pair[0]),
        Expr::Not(e) | Expr::IsNull(e) | Expr::Matches(e, _) | Expr::Extract(e, ..) | Expr::Lookup(_, _, e) => place(e),
        Expr::In(all) => all.first().map_or(0, place),
        Expr::ParseDate(_, _, at) | Expr::Call(_, _, at) => *at,
    }
}
